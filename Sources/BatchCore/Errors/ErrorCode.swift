/// Every error that `batchmgr` can report. The raw value is what users see and scripts match.
///
/// `docs/errors.md` explains each one; a test holds the two together.
public enum ErrorCode: String, Sendable, CaseIterable {
    // UX: the request is wrong
    case usage = "ERR_UX_USAGE"
    case noWorkspace = "ERR_UX_NO_WORKSPACE"
    case invalidConfiguration = "ERR_UX_INVALID_CONFIGURATION"
    case invalidCatalog = "ERR_UX_INVALID_CATALOG"
    case unknownJob = "ERR_UX_UNKNOWN_JOB"
    case unknownBatch = "ERR_UX_UNKNOWN_BATCH"
    case unknownPoint = "ERR_UX_UNKNOWN_POINT"
    case missingParameter = "ERR_UX_MISSING_PARAMETER"
    case invalidParameter = "ERR_UX_INVALID_PARAMETER"
    case fileExists = "ERR_UX_FILE_EXISTS"
    case fileMissing = "ERR_UX_FILE_MISSING"
    case wrongState = "ERR_UX_WRONG_STATE"
    case invalidPlan = "ERR_UX_INVALID_PLAN"
    case invalidRequest = "ERR_UX_INVALID_REQUEST"
    case unknownSwitch = "ERR_UX_UNKNOWN_SWITCH"
    case unknownPlan = "ERR_UX_UNKNOWN_PLAN"
    case unknownTenant = "ERR_UX_UNKNOWN_TENANT"
    case unknownQueueJob = "ERR_UX_UNKNOWN_QUEUE_JOB"
    case unknownSchedule = "ERR_UX_UNKNOWN_SCHEDULE"
    case unknownName = "ERR_UX_UNKNOWN_NAME"
    // DATA: the data, or a record of it, does not allow it
    case sql = "ERR_DATA_SQL"
    case constraint = "ERR_DATA_CONSTRAINT"
    case checkFailed = "ERR_DATA_CHECK_FAILED"
    case contractBroken = "ERR_DATA_CONTRACT"
    case notADatabase = "ERR_DATA_NOT_A_DATABASE"
    case corruptDatabase = "ERR_DATA_CORRUPT_DATABASE"
    case corruptLedger = "ERR_DATA_CORRUPT_LEDGER"
    case corruptRecord = "ERR_DATA_CORRUPT_RECORD"
    case dependents = "ERR_DATA_DEPENDENTS"
    case conflict = "ERR_DATA_CONFLICT"
    case schemaChanged = "ERR_DATA_SCHEMA_CHANGED"
    case noRestorePoint = "ERR_DATA_NO_RESTORE_POINT"
    case verificationFailed = "ERR_DATA_VERIFICATION_FAILED"
    case drift = "ERR_DATA_DRIFT"
    case notUndoable = "ERR_DATA_NOT_UNDOABLE"
    case notReplayable = "ERR_DATA_NOT_REPLAYABLE"
    case stalePlan = "ERR_DATA_STALE_PLAN"
    case rehearsalFailed = "ERR_DATA_REHEARSAL_FAILED"
    // SECURITY: it is not allowed
    case forbiddenStatement = "ERR_SECURITY_FORBIDDEN_STATEMENT"
    case writeOutsideGateway = "ERR_SECURITY_WRITE_OUTSIDE_GATEWAY"
    case safeMode = "ERR_SECURITY_SAFE_MODE"
    case jobDisabled = "ERR_SECURITY_JOB_DISABLED"
    case moduleOff = "ERR_SECURITY_MODULE_OFF"
    case role = "ERR_SECURITY_ROLE"
    case signature = "ERR_SECURITY_SIGNATURE"
    case untrustedKey = "ERR_SECURITY_UNTRUSTED_KEY"
    case wrongWorkspace = "ERR_SECURITY_WRONG_WORKSPACE"
    case requestExpired = "ERR_SECURITY_REQUEST_EXPIRED"
    case requestUsed = "ERR_SECURITY_REQUEST_USED"
    case approvalRequired = "ERR_SECURITY_APPROVAL_REQUIRED"
    case selfApproval = "ERR_SECURITY_SELF_APPROVAL"
    case alteredPlan = "ERR_SECURITY_ALTERED_PLAN"
    case expiredPlan = "ERR_SECURITY_EXPIRED_PLAN"
    case otherChanges = "ERR_SECURITY_OTHER_CHANGES"
    case auditTampered = "ERR_SECURITY_AUDIT_TAMPERED"
    case otherTenant = "ERR_SECURITY_TENANT"
    case protectedData = "ERR_SECURITY_PROTECTED"
    case limitExceeded = "ERR_SECURITY_LIMIT"
    case token = "ERR_SECURITY_TOKEN"
    case crossSite = "ERR_SECURITY_CROSS_SITE"
    // PERF: not now, or not with what this machine has
    case busy = "ERR_PERF_BUSY"
    case leaseLost = "ERR_PERF_LEASE_LOST"
    case diskFull = "ERR_PERF_DISK_FULL"
    case limitOfMachine = "ERR_PERF_LIMIT"
    case timeout = "ERR_PERF_TIMEOUT"
    case stopped = "ERR_PERF_STOPPED"
    case rateLimit = "ERR_PERF_RATE_LIMIT"
    // INTEGRATION: something outside the database failed
    case file = "ERR_INTEGRATION_FILE"
    case readOnly = "ERR_INTEGRATION_READ_ONLY"
    case git = "ERR_INTEGRATION_GIT"
    case libraryMissing = "ERR_INTEGRATION_LIBRARY_MISSING"
    case commandFailed = "ERR_INTEGRATION_COMMAND_FAILED"
    case pluginMissing = "ERR_INTEGRATION_PLUGIN_MISSING"
    case pluginDuplicate = "ERR_INTEGRATION_PLUGIN_DUPLICATE"
    case pluginFailed = "ERR_INTEGRATION_PLUGIN_FAILED"
    case compensationMissing = "ERR_INTEGRATION_COMPENSATION_MISSING"
    case compensationFailed = "ERR_INTEGRATION_COMPENSATION_FAILED"
    case notifyFailed = "ERR_INTEGRATION_NOTIFY_FAILED"
    case circuitOpen = "ERR_INTEGRATION_CIRCUIT_OPEN"
    case listen = "ERR_INTEGRATION_LISTEN"
    case internalFault = "ERR_INTEGRATION_INTERNAL"

    public var errorClass: ErrorClass {
        switch self {
        case .usage, .noWorkspace, .invalidConfiguration, .invalidCatalog, .unknownJob, .unknownBatch, .unknownPoint,
            .missingParameter, .invalidParameter, .fileExists, .fileMissing, .wrongState, .invalidPlan, .invalidRequest,
            .unknownSwitch, .unknownPlan, .unknownTenant, .unknownQueueJob, .unknownSchedule,
            .unknownName:
            .usage
        case .sql, .constraint, .checkFailed, .contractBroken, .notADatabase, .corruptDatabase, .corruptLedger,
            .corruptRecord,
            .dependents, .conflict, .schemaChanged, .noRestorePoint, .verificationFailed, .drift, .notUndoable,
            .notReplayable, .stalePlan, .rehearsalFailed:
            .data
        case .forbiddenStatement, .writeOutsideGateway, .otherTenant, .protectedData, .limitExceeded, .safeMode,
            .jobDisabled, .moduleOff, .role, .signature, .untrustedKey, .wrongWorkspace, .requestExpired, .requestUsed,
            .approvalRequired, .selfApproval, .alteredPlan, .expiredPlan, .otherChanges, .auditTampered, .token,
            .crossSite:
            .security
        case .busy, .leaseLost, .diskFull, .limitOfMachine, .timeout, .stopped, .rateLimit: .performance
        case .file, .readOnly, .git, .libraryMissing, .commandFailed, .pluginMissing, .pluginDuplicate, .pluginFailed,
            .compensationMissing, .compensationFailed, .notifyFailed, .circuitOpen, .listen, .internalFault:
            .integration
        }
    }

    public var exitCode: ExitCode {
        switch self {
        case .usage, .noWorkspace, .invalidConfiguration, .invalidCatalog, .unknownJob, .unknownBatch, .unknownPoint,
            .missingParameter, .invalidParameter, .fileExists, .fileMissing, .wrongState, .notADatabase, .invalidPlan,
            .invalidRequest, .unknownSwitch, .unknownPlan, .unknownTenant, .unknownQueueJob, .unknownSchedule,
            .unknownName, .pluginMissing, .pluginDuplicate:
            .usage
        case .sql, .constraint, .checkFailed, .diskFull, .limitOfMachine, .timeout, .file, .readOnly, .git,
            .libraryMissing,
            .commandFailed, .pluginFailed, .compensationFailed, .notifyFailed, .listen, .internalFault:
            .stepFailed
        case .forbiddenStatement, .writeOutsideGateway, .otherTenant, .protectedData, .limitExceeded, .safeMode,
            .jobDisabled, .moduleOff, .role, .signature, .untrustedKey, .wrongWorkspace, .requestExpired, .requestUsed,
            .rehearsalFailed, .contractBroken, .selfApproval, .alteredPlan, .expiredPlan, .otherChanges, .token,
            .crossSite,
            .circuitOpen:
            .refusedByPolicy
        case .approvalRequired: .waitingForApproval
        case .dependents, .conflict, .schemaChanged, .notUndoable, .notReplayable, .stalePlan, .compensationMissing:
            .refusedByDependents
        case .noRestorePoint: .noRestorePoint
        case .corruptDatabase, .corruptLedger, .corruptRecord, .verificationFailed, .auditTampered: .integrityViolation
        case .drift: .drift
        case .busy, .leaseLost, .rateLimit: .busy
        case .stopped: .stopped
        }
    }
}

/// What an error is about; it decides who has to look at it.
public enum ErrorClass: String, Sendable, CaseIterable {
    case security = "SECURITY"
    case data = "DATA"
    case performance = "PERF"
    case usage = "UX"
    case integration = "INTEGRATION"
}

/// The exit codes of `batchmgr`, a published interface: scripts branch on them.
public enum ExitCode: Int32, Sendable, CaseIterable {
    case done = 0
    case stepFailed = 1
    case usage = 2
    case refusedByPolicy = 3
    case refusedByDependents = 4
    case noRestorePoint = 5
    case integrityViolation = 6
    case waitingForApproval = 7
    /// The batch is committed, and must not be run again.
    case pointPending = 8
    /// Nothing is damaged: somebody has changed the database outside any batch.
    case drift = 9
    case busy = 75
    case stopped = 130
}

extension ErrorCode {
    /// True when its message may quote a value: what the user gave, what a program printed, what SQLite or a trigger
    /// said. Such a message is for the person who asked, and does not go into a log.
    public var mayQuoteValues: Bool {
        switch self {
        case .usage, .missingParameter, .invalidParameter, .invalidPlan, .invalidCatalog, .invalidConfiguration,
            .unknownPoint, .unknownName, .sql, .constraint, .checkFailed, .conflict, .notUndoable, .notReplayable,
            .forbiddenStatement,
            .writeOutsideGateway, .commandFailed, .pluginFailed, .compensationFailed, .notifyFailed, .internalFault:
            true
        default: false
        }
    }
}

extension BatchError {
    /// The message as it may stand in a log.
    public var logMessage: String {
        code.mayQuoteValues ? "\(code.rawValue) (its text may quote values and is not logged)" : message
    }
}

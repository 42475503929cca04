/// Every warning that `batchmgr` gives: the work was done, and there is something to know. The raw value is what users
/// see and scripts match.
///
/// `docs/errors.md` explains each one; a test holds the two together.
public enum WarningCode: String, Sendable, CaseIterable {
    case stepRetried = "WARN_PERF_STEP_RETRIED"
    case reportNotWritten = "WARN_PERF_REPORT_NOT_WRITTEN"
    case wholeScan = "WARN_PERF_WHOLE_SCAN"
    case stepLeftOut = "WARN_UX_STEP_LEFT_OUT"
    case pinnedDefinition = "WARN_UX_PINNED_DEFINITION"
    case unknownVariable = "WARN_UX_UNKNOWN_VARIABLE"
    case verifyFailed = "WARN_DATA_VERIFY_QUERY"
    case noPoint = "WARN_DATA_NO_RESTORE_POINT"
    case pendingPoint = "WARN_DATA_PENDING_RESTORE_POINT"
    case recordNotUsed = "WARN_DATA_RECORD_NOT_USED"
    case triggersSkipped = "WARN_DATA_TRIGGERS_SKIPPED"
    case effectLeft = "WARN_INTEGRATION_EFFECT_LEFT"
    case certificateUnsigned = "WARN_SECURITY_CERTIFICATE_UNSIGNED"
    case notErased = "WARN_SECURITY_NOT_ERASED"
    case guardIncomplete = "WARN_SECURITY_GUARD_INCOMPLETE"
    case readsAllTenants = "WARN_SECURITY_READS_ALL_TENANTS"
    case tenantAlone = "WARN_SECURITY_TENANT_ALONE"
    case auditUnsigned = "WARN_SECURITY_AUDIT_UNSIGNED"
    case auditReplaced = "WARN_SECURITY_AUDIT_REPLACED"
    case auditUnsealed = "WARN_SECURITY_AUDIT_UNSEALED"
    case auditNotWritten = "WARN_SECURITY_AUDIT_NOT_WRITTEN"
    case machine = "WARN_INTEGRATION_MACHINE"
    case drift = "WARN_DATA_DRIFT"
    case olderCopy = "WARN_DATA_OLDER_COPY"
    case schemaShape = "WARN_DATA_SCHEMA"
    case notChecked = "WARN_DATA_NOT_CHECKED"

    public var errorClass: ErrorClass {
        switch self {
        case .stepRetried, .reportNotWritten, .wholeScan: .performance
        case .stepLeftOut, .pinnedDefinition, .unknownVariable: .usage
        case .verifyFailed, .noPoint, .pendingPoint, .recordNotUsed, .triggersSkipped, .drift, .olderCopy,
            .schemaShape, .notChecked:
            .data
        case .certificateUnsigned, .notErased, .guardIncomplete, .readsAllTenants, .tenantAlone, .auditUnsigned,
            .auditReplaced,
            .auditUnsealed,
            .auditNotWritten:
            .security
        case .effectLeft, .machine: .integration
        }
    }
}

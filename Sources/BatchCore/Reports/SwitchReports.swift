/// `switch set`
public struct SwitchReport: Report, Hashable {
    /// A database that does not know of the setting yet.
    public struct Behind: Hashable, Sendable {
        public let database: String
        public let reason: String

        public init(database: String, reason: String) {
            self.database = database
            self.reason = reason
        }
    }

    public let state: SwitchState
    /// What it was before, the standard value when nobody had set it.
    public let old: SwitchValue
    /// Databases with a ledger that know of it now.
    public let databases: [String]
    public let behind: [Behind]
    /// Nothing was set.
    public var isDryRun = false

    public init(state: SwitchState, old: SwitchValue, databases: [String], behind: [Behind]) {
        self.state = state
        self.old = old
        self.databases = databases
        self.behind = behind
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("switch", state.json), .init("old", .string(old.rawValue)),
            .init("databases", .array(databases.map(JSONValue.string))),
            .init(
                "behind", .array(behind.map { ["database": .string($0.database), "reason": .string($0.reason)] })),
        ] + JSONValue.Member.only("dry_run", if: isDryRun)
    }
}

/// A switch that became something else.
public struct SwitchChange: Hashable, Sendable {
    public let name: SwitchName
    public let before: SwitchValue
    public let after: SwitchValue

    public init(name: SwitchName, before: SwitchValue, after: SwitchValue) {
        self.name = name
        self.before = before
        self.after = after
    }

    public var json: JSONValue {
        [
            "name": .string(name.description), "old": .string(before.rawValue), "value": .string(after.rawValue),
        ]
    }
}

/// `degrade on` and `degrade off`
public struct DegradeReport: Report, Hashable {
    public let isOn: Bool
    public let changes: [SwitchChange]
    /// Modules that work on.
    public let critical: [String]
    public let behind: [SwitchReport.Behind]

    public init(isOn: Bool, changes: [SwitchChange], critical: [String], behind: [SwitchReport.Behind]) {
        self.isOn = isOn
        self.changes = changes
        self.critical = critical
        self.behind = behind
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("degraded", .bool(isOn)), .init("switches", .array(changes.map(\.json))),
            .init("critical", .array(critical.map(JSONValue.string))),
            .init(
                "behind", .array(behind.map { ["database": .string($0.database), "reason": .string($0.reason)] })),
        ]
    }
}

/// `switch list`
public struct SwitchListReport: Report, Hashable {
    /// One setting, of now or of the past.
    public struct Entry: Hashable, Sendable {
        public let state: SwitchState
        /// False when it has expired, or was set anew since.
        public let holds: Bool
        /// What it was before; nil where that is not told.
        public let old: SwitchValue?

        public init(state: SwitchState, holds: Bool, old: SwitchValue? = nil) {
            self.state = state
            self.holds = holds
            self.old = old
        }
    }

    public let entries: [Entry]
    public let isHistory: Bool

    public init(entries: [Entry], isHistory: Bool) {
        self.entries = entries
        self.isHistory = isHistory
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init(
                "switches",
                .array(
                    entries.map { entry in
                        .object(
                            (entry.state.json.members ?? []) + [.init("holds", .bool(entry.holds))]
                                + (entry.old.map { [.init("old", .string($0.rawValue))] } ?? []))
                    }))
        ]
    }
}

/// `ops keygen`
public struct OpsKeyReport: Report, Hashable {
    public let name: String
    public let file: String
    public let publicFile: String
    public let key: String

    public init(name: String, file: String, publicFile: String, key: String) {
        self.name = name
        self.file = file
        self.publicFile = publicFile
        self.key = key
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("name", .string(name)), .init("file", .string(file)), .init("public_file", .string(publicFile)),
            .init("key", .string(key)),
        ]
    }
}

/// `ops trust` and `ops revoke`
public struct OpsTrustReport: Report, Hashable {
    public let key: TrustedKey

    public init(key: TrustedKey) { self.key = key }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("key", key.json)] }
}

/// `ops sign`
public struct OpsSignReport: Report, Hashable {
    public let request: OpsRequest
    public let file: String

    public init(request: OpsRequest, file: String) {
        self.request = request
        self.file = file
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("file", .string(file)), .init("request", request.json)]
    }
}

/// `ops list`
public struct OpsListReport: Report, Hashable {
    /// One for each database of the workspace.
    public let targets: [String]
    public let keys: [TrustedKey]
    /// The latest first.
    public let requests: [UsedRequest]

    public init(targets: [String], keys: [TrustedKey], requests: [UsedRequest]) {
        self.targets = targets
        self.keys = keys
        self.requests = requests
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("targets", .array(targets.map(JSONValue.string))), .init("keys", .array(keys.map(\.json))),
            .init("requests", .array(requests.map(\.json))),
        ]
    }
}

/// `ops submit`: the request, and the answer of what it asked for.
public struct OpsReport: Report {
    public let request: OpsRequest
    public let signer: TrustedKey
    public let answer: any Report

    public init(request: OpsRequest, signer: TrustedKey, answer: any Report) {
        self.request = request
        self.signer = signer
        self.answer = answer
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("nonce", .string(request.nonce)), .init("signer", .string(signer.name)),
            .init("action", .string(request.action.name)), .init("answer", answer.json),
        ]
    }
}

/// One patch plan: `plan show`, `approve`, `reject`, and a `run` that made one.
public struct PatchPlanReport: Report, Hashable {
    public let id: PatchPlanID
    public let status: PatchPlanStatus
    public let job: String
    public let tenant: String?
    public let author: String
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
    public let isExpired: Bool
    /// Who approved or rejected it.
    public let decidedBy: String?
    public let decidedAt: String?
    /// Why it was rejected, or why its batch failed.
    public let reason: String?
    /// The batch that applied it.
    public let batch: BatchID?
    /// Path of the plan.
    public let file: String
    public let sha256: String
    /// What has moved since, so that the plan cannot be applied any more; nil when nothing has, or nobody looked.
    public let stale: String?
    /// What the plan holds; nil in a list.
    public let content: PatchPlan?

    public init(
        id: PatchPlanID, status: PatchPlanStatus, job: String, tenant: String?, author: String, createdAt: Timestamp,
        expiresAt: Timestamp, isExpired: Bool, decidedBy: String?, decidedAt: String?, reason: String?,
        batch: BatchID?, file: String, sha256: String, stale: String? = nil, content: PatchPlan? = nil
    ) {
        self.id = id
        self.status = status
        self.job = job
        self.tenant = tenant
        self.author = author
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.isExpired = isExpired
        self.decidedBy = decidedBy
        self.decidedAt = decidedAt
        self.reason = reason
        self.batch = batch
        self.file = file
        self.sha256 = sha256
        self.stale = stale
        self.content = content
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let own: [JSONValue.Member] = [
            .init("plan", .string("\(id)")), .init("status", .string(status.rawValue)), .init("job", .string(job)),
            .init("tenant", JSONValue(tenant)), .init("author", .string(author)),
            .init("created_at", .string(createdAt.iso8601)), .init("expires_at", .string(expiresAt.iso8601)),
            .init("expired", .bool(isExpired)), .init("stale", JSONValue(stale)),
            .init("decided_by", JSONValue(decidedBy)), .init("decided_at", JSONValue(decidedAt)),
            .init("reason", JSONValue(reason)), .init("batch", JSONValue(batch?.description)),
            .init("file", .string(file)), .init("sha256", .string(sha256)),
        ]
        guard let content else { return own }
        let known = Set(own.map(\.key)).union(["format_version", "kind"])
        return own + content.members.filter { !known.contains($0.key) }
    }
}

/// `plan list`
public struct PatchPlanListReport: Report, Hashable {
    /// The latest first.
    public let plans: [PatchPlanReport]

    public init(plans: [PatchPlanReport]) { self.plans = plans }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("plans", .array(plans.map { .object($0.members(call)) }))]
    }
}

/// Where a patch plan stands.
public enum PatchPlanStatus: String, Sendable, CaseIterable {
    /// Waiting for somebody to approve or reject it.
    case proposed
    case approved
    case rejected
    /// Its batch is running, or ended without a word.
    case applying
    case applied
    /// Its batch did not end well; the plan is used up.
    case failed
}

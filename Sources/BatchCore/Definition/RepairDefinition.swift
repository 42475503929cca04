/// What makes a job a repair: it names the rows that are wrong, before it and after it.
public struct RepairDefinition: Hashable, Sendable {
    /// What it heals, for switches and rules.
    public var faults: ErrorClass
    /// A query for what is wrong: `tenant, key, reason, found, expected`.
    public var finds: String
    /// Carrying it out twice does what carrying it out once does.
    /// It becomes a patch plan, whatever its level.
    public var isPlan: Bool
    /// A dry run comes before each run for good, and what it found must still be what is wrong.
    public var needsDryRun: Bool
    /// It has no steps: a person corrects what it finds.
    public var isFlagOnly: Bool

    public init(
        faults: ErrorClass = .data, finds: String, isPlan: Bool = false,
        needsDryRun: Bool = false, isFlagOnly: Bool = false
    ) {
        self.faults = faults
        self.finds = finds
        self.isPlan = isPlan
        self.needsDryRun = needsDryRun
        self.isFlagOnly = isFlagOnly
    }

    /// The classes that a repair may have.
    public static let classes: [ErrorClass] = [.data, .performance, .security]
    /// The columns of `finds`, in any order; all but `key` may be missing.
    public static let columns = ["tenant", "key", "reason", "found", "expected"]
}

/// One thing that a repair found wrong. `found` and `expected` hold values of rows: they are for the person who asks, and go
/// into no log and no audit.
public struct Finding: Hashable, Sendable {
    public let job: String
    public let tenant: String?
    public let key: SQLValue
    public let reason: String
    public let found: SQLValue
    public let expected: SQLValue

    public init(
        job: String, tenant: String?, key: SQLValue, reason: String = "", found: SQLValue = .null,
        expected: SQLValue = .null
    ) {
        self.job = job
        self.tenant = tenant
        self.key = key
        self.reason = reason
        self.found = found
        self.expected = expected
    }

    var json: JSONValue {
        [
            "job": .string(job), "tenant": JSONValue(tenant), "key": key.json, "reason": .string(reason),
            "found": found.json, "expected": expected.json,
        ]
    }
}

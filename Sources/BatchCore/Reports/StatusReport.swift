/// `status`: what a person wants to know first.
public struct StatusReport: Report {
    /// The last batches, the latest first.
    public var batches: [BatchSummary] = []
    /// Batches that did a part of their work, and go on or are undone when somebody says so.
    public var halfDone: [BatchID] = []
    /// Of those, the ones that cannot be continued, since this later batch of the job has run.
    public var overtaken: [BatchID: BatchID] = [:]
    /// Plans that wait for an approver, or to be applied.
    public var waiting: [PatchPlanReport] = []
    /// Switches that hold something back.
    public var switches: [String] = []
    /// Critical incidents that are not closed.
    public var incidents: [Incident] = []
    /// Repair jobs that are frozen for a tenant, or halted for all.
    public var repairs: [RepairListReport.Entry] = []
    /// Restore points that are not written yet.
    public var pendingPoints = 0
    public var sizes: [Size] = []
    /// The oldest point that no drill has restored since it was made; nil when all were.
    public var oldestUnproven: Point?
    /// The database file is gone: what is left of it, and what brings it back. Nil: it is there.
    public var lost: BatchError?

    /// Something that grows, in bytes.
    public struct Size: Hashable, Sendable {
        /// `database`, `undo log`, `.bak files`, `git history`, `reports and logs`, `control.db`, `log files`
        public let name: String
        public let bytes: Int64
        /// What `keep:` does with it.
        public let kept: String?

        public init(name: String, bytes: Int64, kept: String? = nil) {
            self.name = name
            self.bytes = bytes
            self.kept = kept
        }

        var json: JSONValue { ["name": .string(name), "bytes": .integer(bytes), "keep": .init(kept)] }
    }

    public struct Point: Hashable, Sendable {
        public let name: String
        public let createdAt: String

        public init(name: String, createdAt: String) {
            self.name = name
            self.createdAt = createdAt
        }
    }

    public init() {}

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("batches", .array(batches.map { .object($0.members) })),
            .init("half_done", .array(halfDone.map { .string($0.description) })),
            .init(
                "waiting",
                .array(
                    waiting.map {
                        ["plan": .string("\($0.id)"), "job": .string($0.job), "status": .string($0.status.rawValue)]
                    })), .init("switches", .array(switches.map(JSONValue.string))),
            .init(
                "critical_incidents",
                .array(incidents.map { ["id": .string($0.name), "title": .string($0.title)] })),
            .init(
                "repairs",
                .array(
                    repairs.map {
                        [
                            "id": .string($0.job.id), "frozen_tenants": .array($0.frozen.map(JSONValue.string)),
                            "halted_since": JSONValue($0.haltedSince?.iso8601),
                        ]
                    })),
            .init("pending_points", JSONValue(pendingPoints)), .init("sizes", .array(sizes.map(\.json))),
            .init(
                "oldest_unproven",
                oldestUnproven.map { ["point": .string($0.name), "created_at": .string($0.createdAt)] } ?? .null),
            .init("lost", .init(lost?.message)),
        ]
    }
}

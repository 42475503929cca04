/// The state of a batch.
public enum BatchStatus: String, Sendable, CaseIterable {
    case running
    case committed
    case failed
    case stopped
    case rolledBack = "rolled_back"
    case partiallyRolledBack = "partially_rolled_back"
}

/// One line of `list`.
public struct BatchSummary: Hashable, Sendable {
    public let batch: BatchID
    public let tenant: String?
    public let status: BatchStatus
    public let rows: RowCounts
    public let startedAt: Timestamp
    /// Nil while it runs.
    public let finishedAt: Timestamp?
    /// The batch that this one is again, after a rollback with `--mode replay`; nil for others.
    public let replays: BatchID?
    /// The batch that this one was run again as; nil for others.
    public let replayedBy: BatchID?
    /// Tables have come, gone, or other definitions; false where that is not known.
    public var hasSchemaChange = false

    public init(
        batch: BatchID, tenant: String?, status: BatchStatus, rows: RowCounts, startedAt: Timestamp,
        finishedAt: Timestamp?, replays: BatchID? = nil, replayedBy: BatchID? = nil
    ) {
        self.batch = batch
        self.tenant = tenant
        self.status = status
        self.rows = rows
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.replays = replays
        self.replayedBy = replayedBy
    }

    public var members: [JSONValue.Member] {
        [
            .init("batch", .string(batch.description)), .init("job", .string(batch.job)),
            .init("tenant", JSONValue(tenant)), .init("status", .string(status.rawValue)), .init("rows", rows.json),
            .init("started_at", .string(startedAt.iso8601)), .init("finished_at", JSONValue(finishedAt?.iso8601)),
        ] + JSONValue.Member.only("replays", replays.map { .string($0.description) })
            + JSONValue.Member.only("replayed_by", replayedBy.map { .string($0.description) })
    }
}

/// `show`
public struct BatchDetail: Report, Hashable {
    public let summary: BatchSummary
    /// Version of the job; nil for SQL of one's own.
    public let jobVersion: String?
    public let traceID: String
    /// As pinned when the batch began.
    public let parameters: JSONValue
    /// Why it failed; nil when it did not.
    public let error: String?
    public let checkpoints: [Checkpoint]
    public let dependents: [DependentSummary]
    public let restorePoint: RestorePointSummary?
    /// Its undo log has left the database: it is undone from its restore points.
    public var isThinned = false
    /// The batches that this one undid, when it is a rollback.
    public let rollsBack: [BatchID]
    /// The rollbacks that undid a part of it, or all of it; the latest first.
    public var undoneBy: [BatchID] = []
    /// When a drill last restored every point that there was, this one too; nil when none has.
    public var provenAt: Timestamp?
    /// Who ran it.
    public var actor = ""
    /// Given with `--key`.
    public var key: String?
    /// How many of the rows that it wrote have other values than before.
    public var changedRows = 0
    /// Rows by table that differ from before, those of each checkpoint counted once.
    public var tables: [ChangesReport.TableCounts] = []
    public var files: [WrittenFile] = []
    public var programs: [ProgramRun] = []

    public init(
        summary: BatchSummary, jobVersion: String?, traceID: String, parameters: JSONValue, error: String?,
        checkpoints: [Checkpoint], dependents: [DependentSummary], restorePoint: RestorePointSummary?,
        rollsBack: [BatchID] = []
    ) {
        self.summary = summary
        self.jobVersion = jobVersion
        self.traceID = traceID
        self.parameters = parameters
        self.error = error
        self.checkpoints = checkpoints
        self.dependents = dependents
        self.restorePoint = restorePoint
        self.rollsBack = rollsBack
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        summary.members + [
            .init("rows_changed", JSONValue(changedRows)),
            .init("job_version", JSONValue(jobVersion)), .init("trace_id", .string(traceID)),
            .init("parameters", parameters), .init("error", JSONValue(error)),
            .init("checkpoints", .array(checkpoints.map(\.json))),
            .init("dependents", .array(dependents.map(\.json))),
            .init("restore_point", restorePoint?.json ?? .null), .init("undo_log_thinned", .bool(isThinned)),
            .init("proven_at", JSONValue(provenAt?.iso8601)),
            .init("rolls_back", .array(rollsBack.map { .string($0.description) })),
            .init("undone_by", .array(undoneBy.map { .string($0.description) })),
            .init("actor", .string(actor)), .init("key", JSONValue(key)),
            .init("tables", .array(tables.map { .object([.init("table", .string($0.table))] + $0.rows.members) })),
            .init("files", .array(files.map(\.json))), .init("programs", .array(programs.map(\.json))),
        ]
    }

    /// What an `export` wrote.
    public struct WrittenFile: Hashable, Sendable {
        public let path: String
        public let rows: Int
        public let bytes: Int
        public let sha256: String
        /// A rollback took it back.
        public let isUndone: Bool

        public init(path: String, rows: Int, bytes: Int, sha256: String, isUndone: Bool) {
            self.path = path
            self.rows = rows
            self.bytes = bytes
            self.sha256 = sha256
            self.isUndone = isUndone
        }

        var json: JSONValue {
            [
                "path": .string(path), "rows": JSONValue(rows), "bytes": JSONValue(bytes), "sha256": .string(sha256),
                "undone": .bool(isUndone),
            ]
        }
    }

    /// A program that an `exec` step ran to its end.
    public struct ProgramRun: Hashable, Sendable {
        public let step: String
        public let arguments: [String]
        /// The end of what it wrote.
        public let output: String
        /// The end of what it wrote to stderr.
        public let errors: String
        /// Its `undo` has run.
        public let isUndone: Bool

        public init(step: String, arguments: [String], output: String, errors: String, isUndone: Bool) {
            self.step = step
            self.arguments = arguments
            self.output = output
            self.errors = errors
            self.isUndone = isUndone
        }

        var json: JSONValue {
            [
                "step": .string(step), "arguments": .array(arguments.map { .string($0) }),
                "output": .string(output), "errors": .string(errors), "undone": .bool(isUndone),
            ]
        }
    }

    /// One committed transaction of a batch.
    public struct Checkpoint: Hashable, Sendable {
        /// Counted from 1.
        public let number: Int
        public let step: String
        /// Of a chunked step, counted from 1; nil for others.
        public let chunk: Int?
        public let rows: RowCounts
        public let committedAt: Timestamp
        /// A rollback has undone it.
        public let isUndone: Bool

        public init(
            number: Int, step: String, chunk: Int?, rows: RowCounts, committedAt: Timestamp, isUndone: Bool = false
        ) {
            self.number = number
            self.step = step
            self.chunk = chunk
            self.rows = rows
            self.committedAt = committedAt
            self.isUndone = isUndone
        }

        var json: JSONValue {
            [
                "number": JSONValue(number), "step": .string(step), "chunk": chunk.map { JSONValue($0) } ?? .null,
                "rows": rows.json, "committed_at": .string(committedAt.iso8601), "undone": .bool(isUndone),
            ]
        }
    }
}

/// `list`
public struct ListReport: Report, Hashable {
    public let batches: [BatchSummary]
    /// There are older ones that were not asked for.
    public let isMore: Bool

    public init(batches: [BatchSummary], isMore: Bool = false) {
        self.batches = batches
        self.isMore = isMore
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("batches", .array(batches.map { .object($0.members) })), .init("more", .bool(isMore))]
    }
}

/// `stop`
public struct StopReport: Report, Hashable {
    /// What becomes of the batch.
    public enum End: String, Hashable, Sendable {
        /// It stops at its next checkpoint, and `resume` goes on.
        case atCheckpoint = "stops at a checkpoint"
        /// It is in its last checkpoint, which is rolled back.
        case aborted = "aborts its last checkpoint"
        /// All its checkpoints are committed already.
        case committed = "commits"
        /// Its run is at what comes before, and ends there: there will be no such batch.
        case unbegun = "does not begin"
    }

    public let batch: BatchID
    public let end: End

    public init(batch: BatchID, end: End) {
        self.batch = batch
        self.end = end
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("batch", .string(batch.description)), .init("stop_requested", true),
            .init("outcome", .string(end.rawValue)),
        ]
    }
}

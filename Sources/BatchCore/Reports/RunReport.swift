/// `run` and `resume`
public struct RunReport: Report, Hashable {
    /// Milliseconds of the expensive phases.
    public struct Phases: Hashable, Sendable {
        /// From BEGIN to COMMIT of all checkpoints.
        public let capture: Double
        public let restorePoint: Double
        /// The part of `capture` that went into writing facts for the graph of dependents; nil when not measured.
        public let facts: Double?

        public init(capture: Double, restorePoint: Double, facts: Double? = nil) {
            self.capture = capture
            self.restorePoint = restorePoint
            self.facts = facts
        }

        var json: JSONValue {
            .object(
                [.init("capture_ms", .number(capture)), .init("restore_point_ms", .number(restorePoint))]
                    + JSONValue.Member.only("facts_ms", facts.map(JSONValue.number)))
        }
    }

    public let batch: BatchID
    public let tenant: String?
    public let status: BatchStatus
    public let checkpoints: Int
    /// Written, also with the values that they had.
    public let rows: RowCounts
    /// How many rows have other values than before; nil when that is not known.
    public var changedRows: Int?
    /// Nil for a dry run.
    public let restorePoint: RestorePointSummary?
    public let phases: Phases
    public let traceID: String
    /// Milliseconds.
    public let duration: Double
    /// The row-level changes of a dry run, which were discarded.
    public let preview: ChangesReport?
    /// The same `--key` ran before as `batch`: nothing was done.
    public let isRepeated: Bool
    /// What could not be done beside the work itself, e.g. a notification.
    public let warnings: [Warning]
    /// Tables, indexes, views or triggers came, went or changed too: no count of rows tells it.
    public var hasSchemaChange = false
    /// Rows that SQL of one's own returned.
    public var results: [QueryRows] = []
    /// The plan that the batch applied.
    public var plan: PatchPlanID?
    /// Paths of what was written about the rehearsal before the batch, and the checklist after it.
    public var rehearsal: String?
    public var checklist: String?
    /// What the plan could not touch, before it and after it.
    public var isolation: IsolationReport?
    /// What went afterwards, since `keep:` does not keep it.
    public var removed: KeepReport?

    public init(
        batch: BatchID, tenant: String? = nil, status: BatchStatus, checkpoints: Int, rows: RowCounts,
        restorePoint: RestorePointSummary?, phases: Phases, traceID: String, duration: Double,
        preview: ChangesReport? = nil, isRepeated: Bool = false, warnings: [Warning] = []
    ) {
        self.batch = batch
        self.tenant = tenant
        self.status = status
        self.checkpoints = checkpoints
        self.rows = rows
        self.restorePoint = restorePoint
        self.phases = phases
        self.traceID = traceID
        self.duration = duration
        self.preview = preview
        self.isRepeated = isRepeated
        self.warnings = warnings
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("batch", .string(batch.description)), .init("job", .string(batch.job)),
            .init("tenant", JSONValue(tenant)),
            .init("status", .string(preview == nil ? status.rawValue : "discarded")),
            .init("checkpoints", JSONValue(checkpoints)), .init("rows", rows.json),
            .init("rows_changed", changedRows.map { JSONValue($0) } ?? .null),
            .init("restore_point", restorePoint?.json ?? .null),
            .init("phases", phases.json),
            .init("trace_id", .string(traceID)), .init("duration_ms", .number(duration)),
            .init("warnings", warnings.texts(call)),
        ]
        if let preview { members += [.init("dry_run", true)] + preview.members(call) }
        members += JSONValue.Member.only("schema_changed", if: hasSchemaChange)
        members += JSONValue.Member.only("results", .array(results.map(\.json)))
        members += JSONValue.Member.only("plan", plan.map { .string("\($0)") })
        members += JSONValue.Member.only("rehearsal", rehearsal.map(JSONValue.string))
        members += JSONValue.Member.only("checklist", checklist.map(JSONValue.string))
        members += JSONValue.Member.only("isolation", isolation?.json)
        members += JSONValue.Member.only("removed", removed?.json)
        return members + warnings.codes + JSONValue.Member.only("repeated", if: isRepeated)
    }
}

/// Rows that statements of a step returned, the first of them.
public struct QueryRows: Hashable, Sendable {
    public let step: String
    public let columns: [String]
    public var rows: [[SQLValue]]
    /// How many there were beside these.
    public var more: Int

    public init(step: String, columns: [String], rows: [[SQLValue]], more: Int) {
        self.step = step
        self.columns = columns
        self.rows = rows
        self.more = more
    }

    var json: JSONValue {
        [
            "columns": .array(columns.map(JSONValue.string)), "rows": .array(rows.map { .array($0.map(\.json)) }),
            "more": JSONValue(more),
        ]
    }
}

/// How many rows were changed, by operation.
public struct RowCounts: Hashable, Sendable {
    public var inserted: Int
    public var updated: Int
    public var deleted: Int

    public init(inserted: Int = 0, updated: Int = 0, deleted: Int = 0) {
        self.inserted = inserted
        self.updated = updated
        self.deleted = deleted
    }

    public var total: Int { inserted + updated + deleted }

    public static func += (sum: inout RowCounts, counts: RowCounts) {
        sum.inserted += counts.inserted
        sum.updated += counts.updated
        sum.deleted += counts.deleted
    }

    public var members: [JSONValue.Member] {
        [
            .init("inserted", JSONValue(inserted)), .init("updated", JSONValue(updated)),
            .init("deleted", JSONValue(deleted)),
        ]
    }

    public var json: JSONValue { .object(members) }
}

/// `rollback`
public struct RollbackReport: Report, Hashable {
    public let batch: BatchID
    /// The batch that the rollback itself is; nil for a dry run.
    public let rollback: BatchID?
    /// Of the batch, afterwards.
    public let status: BatchStatus
    public let mode: RollbackMode
    /// Which record was undone from: `log`, `git` or `bak`.
    public let source: String
    /// The batches undone, in the order it was done.
    public let order: [BatchID]
    public let rows: RowCounts
    public let dependents: [DependentSummary]
    /// With `--on-conflict keep` and `overwrite`: what was kept, or overwritten.
    public let conflicts: [Conflict]
    /// Batches that were run again, in order: `batch` as `replacement`.
    public let replayed: [Replayed]
    /// Batches that read what was undone and stay, because a second run gave the same changes.
    public let exempt: [DependentSummary]
    public let certificate: Certificate
    public let restorePoint: RestorePointSummary?
    /// Paths.
    public let log: String?
    public let report: String?
    /// The signed certificate; nil for a dry run.
    public let signed: String?
    public let isDryRun: Bool
    /// The file that the plan was written to; nil when none was wanted.
    public let plan: String?
    /// What was not undone, e.g. a step outside the database without compensation.
    public let warnings: [Warning]
    /// Nil for a dry run.
    public let phases: RunReport.Phases?
    /// Milliseconds.
    public let duration: Double

    public struct Replayed: Hashable, Sendable {
        public let batch: BatchID
        /// Nil for a dry run.
        public let replacement: BatchID?

        public init(batch: BatchID, replacement: BatchID?) {
            self.batch = batch
            self.replacement = replacement
        }

        var json: JSONValue {
            ["batch": .string(batch.description), "as": JSONValue(replacement?.description)]
        }
    }

    public init(
        batch: BatchID, rollback: BatchID?, status: BatchStatus, mode: RollbackMode, source: String,
        order: [BatchID], rows: RowCounts, dependents: [DependentSummary] = [], conflicts: [Conflict] = [],
        replayed: [Replayed] = [], exempt: [DependentSummary] = [], certificate: Certificate,
        restorePoint: RestorePointSummary? = nil, log: String? = nil, report: String? = nil, signed: String? = nil,
        isDryRun: Bool = false, plan: String? = nil, warnings: [Warning] = [], phases: RunReport.Phases? = nil,
        duration: Double
    ) {
        self.batch = batch
        self.rollback = rollback
        self.status = status
        self.mode = mode
        self.source = source
        self.order = order
        self.rows = rows
        self.dependents = dependents
        self.conflicts = conflicts
        self.replayed = replayed
        self.exempt = exempt
        self.certificate = certificate
        self.restorePoint = restorePoint
        self.log = log
        self.report = report
        self.signed = signed
        self.isDryRun = isDryRun
        self.plan = plan
        self.warnings = warnings
        self.phases = phases
        self.duration = duration
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let members: [JSONValue.Member] = [
            .init("batch", .string(batch.description)), .init("rollback", JSONValue(rollback?.description)),
            .init("status", .string(status.rawValue)), .init("mode", .string(mode.rawValue)),
            .init("source", .string(source)),
            .init("order", .array(order.map { .string($0.description) })), .init("rows", rows.json),
            .init("dependents", .array(dependents.map(\.json))), .init("conflicts", .array(conflicts.map(\.json))),
            .init("certificate", certificate.json), .init("restore_point", restorePoint?.json ?? .null),
            .init("log", JSONValue(log)), .init("report", JSONValue(report)),
            .init("certificate_file", JSONValue(signed)),
            .init("warnings", warnings.texts(call)), .init("duration_ms", .number(duration)),
        ]
        let timed = (phases.map { [JSONValue.Member("phases", $0.json)] } ?? []) + warnings.codes
        let modes =
            JSONValue.Member.only("replayed", .array(replayed.map(\.json)))
            + JSONValue.Member.only("exempt", .array(exempt.map(\.json)))
            + JSONValue.Member.only("plan", plan.map(JSONValue.string))
        return members + timed + modes + JSONValue.Member.only("dry_run", if: isDryRun)
    }
}

/// What was checked after a rollback.
public struct Certificate: Hashable, Sendable {
    /// The digests of all touched tables are the recorded ones.
    public let digestsMatch: Bool
    /// The `verify:` queries of the job hold.
    public let verifyPassed: Bool
    /// No foreign key is violated that was not before the batch, and SQLite could look at all that might be.
    public let foreignKeysOK: Bool
    /// Tables whose foreign keys SQLite cannot check: one names no key, or needs a collation of the application.
    public let uncheckedForeignKeys: [String]

    public init(
        digestsMatch: Bool, verifyPassed: Bool, foreignKeysOK: Bool, uncheckedForeignKeys: [String] = []
    ) {
        self.uncheckedForeignKeys = uncheckedForeignKeys
        self.digestsMatch = digestsMatch
        self.verifyPassed = verifyPassed
        self.foreignKeysOK = foreignKeysOK
    }

    var json: JSONValue {
        [
            "digests_match": .bool(digestsMatch), "verify_passed": .bool(verifyPassed),
            "foreign_keys_ok": .bool(foreignKeysOK),
            "foreign_keys_unchecked": .array(uncheckedForeignKeys.map(JSONValue.string)),
        ]
    }
}

/// A row that is not as the batch left it, so that the batch cannot be undone there.
public struct Conflict: Hashable, Sendable {
    /// Who changed the row since; nil: a change outside any batch.
    public let batch: BatchID?
    public let table: String
    public let key: RowKey
    /// `changed`, `missing`, …: for people.
    public let reason: String
    /// The row as the batch left it, or its hash when that is all the record has.
    public let expected: JSONValue
    public let found: JSONValue
    /// What the rollback did with the row; nil when it was refused.
    public let resolution: Resolution?

    public enum Resolution: String, Sendable {
        case kept, overwritten
    }

    public init(
        batch: BatchID?, table: String, key: RowKey, reason: String, expected: JSONValue, found: JSONValue,
        resolution: Resolution? = nil
    ) {
        self.batch = batch
        self.table = table
        self.key = key
        self.reason = reason
        self.expected = expected
        self.found = found
        self.resolution = resolution
    }

    /// `changed by import.2`, `missing outside any batch`
    /// - Parameter name: how the batch is written.
    public func cause(_ name: (BatchID) -> String) -> String {
        let who = batch.map { "by \(name($0))" }
        // A rollback may have dropped it, and those are not looked for.
        if reason == "schema" { return "its table was dropped or changed\(who.map { " \($0)" } ?? "")" }
        return "\(reason) \(who ?? "outside any batch")"
    }

    public var json: JSONValue {
        let members: [JSONValue.Member] = [
            .init("batch", JSONValue(batch?.description)), .init("table", .string(table)), .init("key", key.json),
            .init("reason", .string(reason)), .init("expected", expected), .init("found", found),
        ]
        return .object(members + JSONValue.Member.only("resolution", resolution.map { .string($0.rawValue) }))
    }
}

/// `graph`
public struct DependentsReport: Report, Hashable {
    public let batch: BatchID
    /// Ordered by depth, then by commit.
    public let dependents: [DependentSummary]
    /// Batches of other databases, which a rollback of this one does not undo.
    public let elsewhere: [DistantDependent]

    public init(batch: BatchID, dependents: [DependentSummary], elsewhere: [DistantDependent] = []) {
        self.batch = batch
        self.dependents = dependents
        self.elsewhere = elsewhere
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("batch", .string(batch.description)),
            .init("dependents", .array(dependents.map(\.json))),
        ] + JSONValue.Member.only("elsewhere", .array(elsewhere.map(\.json)))
    }

    /// The graph for Graphviz; an arrow goes from a batch to what it depends on.
    public var dot: String {
        var lines = ["digraph dependents {", "  rankdir=BT;", "  \"\(batch)\" [shape=box];"]
        for dependent in dependents {
            for edge in dependent.edges {
                let label = DependentsReport.escaped("\(edge.kind.rawValue): \(edge.evidence)")
                lines.append("  \"\(dependent.batch)\" -> \"\(edge.on)\" [label=\"\(label)\"];")
            }
        }
        return (lines + ["}", ""]).joined(separator: "\n")
    }

    /// Table names in the evidence may hold quotes.
    private static func escaped(_ text: String) -> String {
        String(text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] })
    }
}

/// A later batch that depends on the one in question, directly or through others.
public struct DependentSummary: Hashable, Sendable {
    /// One reason: this batch depends on `on`.
    public struct Edge: Hashable, Sendable {
        public let on: BatchID
        public let kind: DependencyKind
        /// For people: `invoices, 12 keys`.
        public let evidence: String

        public init(on: BatchID, kind: DependencyKind, evidence: String) {
            self.on = on
            self.kind = kind
            self.evidence = evidence
        }

        var json: JSONValue {
            [
                "on": .string(on.description), "kind": .string(kind.rawValue), "evidence": .string(evidence),
            ]
        }
    }

    public let batch: BatchID
    /// 1 for a direct dependent.
    public let depth: Int
    /// At least one, the strongest reason first.
    public let edges: [Edge]

    public init(batch: BatchID, depth: Int, edges: [Edge]) {
        self.batch = batch
        self.depth = depth
        self.edges = edges
    }

    public var json: JSONValue {
        [
            "batch": .string(batch.description), "depth": JSONValue(depth),
            "kind": JSONValue(edges.first?.kind.rawValue), "evidence": JSONValue(edges.first?.evidence),
            "edges": .array(edges.map(\.json)),
        ]
    }
}

/// A batch of another database that a step of this one's has queued.
public struct DistantDependent: Hashable, Sendable {
    public let batch: BatchID
    public let database: String
    /// Where each tenant has a file of its own.
    public let tenant: String?
    /// The step that queued it.
    public let step: String
    /// Its number in the queue.
    public let job: Int64

    public init(batch: BatchID, database: String, tenant: String?, step: String, job: Int64) {
        self.batch = batch
        self.database = database
        self.tenant = tenant
        self.step = step
        self.job = job
    }

    /// `database other`, for people.
    public var place: String { "database \(database)" + (tenant.map { " of tenant \($0)" } ?? "") }

    /// What undoes it where it is.
    public var rollback: HintCommand {
        let command: HintCommand = "rollback --id \(batch) --database \(database)"
        return tenant.map { command.adding("--tenant \($0)") } ?? command
    }

    var json: JSONValue {
        .object(
            [.init("batch", .string(batch.description)), .init("database", .string(database))]
                + JSONValue.Member.only("tenant", tenant.map(JSONValue.string))
                + [.init("step", .string(step)), .init("job", .integer(job))])
    }
}

/// Why a later batch would not be the same without an earlier one.
public enum DependencyKind: String, Sendable, CaseIterable {
    /// Its job `needs` the other, or the other has queued it.
    case declared
    /// It changed a row that the other had written.
    case row
    /// Its rows refer to rows of the other.
    case foreignKey = "foreign_key"
    /// It took a unique value that the other had freed.
    case unique
    /// It read columns that the other had written.
    case read
}

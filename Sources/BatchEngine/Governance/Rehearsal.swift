internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Runs a batch on a copy of the database, checks it, and undoes it there. The database itself is only read.
///
/// Steps outside the database (`exec`, plugins, exports, snapshots) are left out: they cannot be tried on a copy.
struct Rehearsal {
    let session: Session

    /// What is tried.
    struct Subject {
        let job: JobDefinition
        let values: ParameterValues
        /// As it will be inserted; or as it stands in the ledger, when it goes on.
        let batch: BatchRecord
        var step = 0
        var position = 0
        var lastNumber = 0
        /// Of a plan: the copy is written as if it were approved.
        var approval: Approval?
    }

    /// What is wrong then is not the batch.
    private static let ownErrors: Set<ErrorCode> = [
        .rehearsalFailed, .file, .corruptDatabase, .corruptLedger, .notADatabase,
    ]

    /// Earlier batches that are looked at for what the batch changes of theirs.
    private static let mostBatches = 50

    /// - Throws: `ERR_DATA_REHEARSAL_FAILED` when the batch fails, or cannot be undone exactly; errors of class
    ///   SECURITY, PERF and UX as they are.
    func perform(_ subject: Subject) throws(BatchError) -> Result {
        do throws(BatchError) {
            return try attempt(subject)
        } catch {
            let isOfTheBatch = error.code.errorClass == .data || error.code.errorClass == .integration
            guard isOfTheBatch, !Rehearsal.ownErrors.contains(error.code) else { throw error }
            throw BatchError(
                .rehearsalFailed,
                "batch \(subject.batch.batch) failed in its rehearsal, so it was not run: \(error.message)",
                hint: error.hint)
        }
    }

    private func attempt(_ subject: Subject) throws(BatchError) -> Result {
        let start = ContinuousClock.now
        let copy = try ScratchCopy(of: session)
        let place = copy.session
        session.context.reach("copied-for-rehearsal")
        let before = try StateDigest.compute(place.connection)
        let orphans = Checklist.orphans(place.connection)
        let gateway = try Runner.gateway(place, subject.job, tenant: subject.batch.tenant, approval: subject.approval)
        let run = try carryOut(subject, place, gateway)
        let made = try place.ledger.checkpoints(of: run.batch.seq).filter { $0.number > subject.lastNumber }
        let checks = try Checklist(
            session: place, job: subject.job, batch: run.batch, bindings: run.bindings, checkpoints: made.map(\.id),
            orphans: orphans
        ).checks()
        if let failed = checks.first(where: { $0.outcome == .failed }) {
            throw BatchError(
                .rehearsalFailed, failure(subject, failed.detail), hint: "correct the job, then run it again")
        }
        let isNewSchema = run.batch.hasSchemaChange
        let diff = try Diff.read(place, checkpoints: made.map(\.id), original: isNewSchema ? session : nil)
        let scope = try IsolationCheck.Scope(place, run.batch, checkpoints: made.map(\.id), diff.report)
        let changes = try ChangesDigest(place.ledger, made.map(\.id))
        let after = try place.ledger.state() ?? StateDigest()
        let inputs = try RecordedInputs.read(place.ledger, made)
            .map { PatchPlan.PinnedInput(step: $0.step, time: $0.input.time, seed: $0.input.seed) }
        let touched = try touchedBatches(place, run.batch)
        let undone = try undo(subject, place, gateway, made, before)
        session.context.reach("rehearsed")
        return Result(
            batch: run.batch, checkpoints: made.count, before: before, after: after, undone: undone, changes: changes,
            scope: scope, diff: diff, inputs: inputs, checks: checks, leftOut: run.leftOut,
            touchedBatches: touched, milliseconds: start.millisecondsSince)
    }

    private func failure(_ subject: Subject, _ what: String) -> String {
        "batch \(subject.batch.batch) failed in its rehearsal, so it was not run: \(what)"
    }

    private func carryOut(_ subject: Subject, _ place: Session, _ gateway: Gateway) throws(BatchError) -> BatchRun {
        var batch = subject.batch
        try place.connection.transaction { () throws(BatchError) in
            if batch.seq == 0 { try place.ledger.insert(&batch) } else { try place.ledger.update(batch) }
        }
        let run = try BatchRun(
            place, gateway, job: subject.job, values: subject.values, batch: batch,
            lastNumber: subject.lastNumber, purpose: .rehearsal)
        for (index, step) in subject.job.steps.enumerated() where index >= subject.step {
            try run.stopIfAsked()
            try StepRun(run: run, step: step, from: index == subject.step ? subject.position : 0).perform()
        }
        try VerifyQueries(session: place).require(subject.job.verify, run.bindings, of: run.batch.batch)
        return run
    }

    /// Undoes it from its undo log, as a rollback would.
    /// - Returns: the state then, computed from the rows.
    private func undo(
        _ subject: Subject, _ place: Session, _ gateway: Gateway, _ made: [CheckpointRecord], _ before: StateDigest
    ) throws(BatchError) -> StateDigest {
        guard !made.isEmpty else { return before }
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        let name = subject.batch.batch.description
        let outcome = try undo.perform(made.reversed().map { ($0, name) }, collecting: false)
        let found = try StateDigest.compute(place.connection)
        if let wrong = outcome.digests.first(where: { !$0.matches }) {
            throw BatchError(
                .rehearsalFailed, failure(subject, "undoing it does not bring back table \(wrong.table)"),
                hint: "see how a batch is undone: docs/internals/undo.md")
        }
        let exempt = Set(outcome.digests.filter(\.isExempt).map(\.table))
        let names = Set(found.tables.keys).union(before.tables.keys).subtracting(exempt)
        let different = names.filter { (found.tables[$0] ?? TableDigest()) != (before.tables[$0] ?? TableDigest()) }
        guard found.schema == before.schema, different.isEmpty else {
            let what = different.min().map { "table \($0)" } ?? "the schema"
            throw BatchError(
                .rehearsalFailed, failure(subject, "undoing it does not bring back \(what)"),
                hint: "see how a batch is undone: docs/internals/undo.md")
        }
        return found
    }

    private func touchedBatches(_ place: Session, _ batch: BatchRecord) throws(BatchError) -> [DependentSummary] {
        let ledger = place.ledger
        let earlier = try ledger.batches(
            where: """
                status = 'committed' AND kind = 'batch' AND seq < ?1 AND seq > ?1 - \(Rehearsal.mostBatches) \
                AND (?2 IS NULL OR tenant = ?2)
                """, [.integer(batch.seq), .optional(place.owner)])
        var found: [DependentSummary] = []
        for other in earlier.reversed() {
            let edges = try DependencyGraph(ledger).dependents(of: other).dependents
            guard let edge = edges.first(where: { $0.batch == batch.seq && $0.on == other.seq }) else { continue }
            found.append(
                DependentSummary(
                    batch: other.batch, depth: edge.depth,
                    edges: [.init(on: other.batch, kind: edge.kind, evidence: edge.evidence)]))
        }
        return found
    }

    /// What came of running a batch on a copy and undoing it there.
    struct Result {
        /// The batch as it ended on the copy.
        let batch: BatchRecord
        let checkpoints: Int
        /// The whole database before, after, and when the batch was undone.
        let before: StateDigest
        let after: StateDigest
        let undone: StateDigest
        let changes: ChangesDigest
        let scope: IsolationCheck.Scope
        let diff: Rehearsal.Diff
        let inputs: [PatchPlan.PinnedInput]
        /// The checklist on the copy.
        let checks: [Check]
        /// Steps outside the database, which were left out.
        let leftOut: [String]
        /// Earlier batches that can be undone only together with this one, as far as they were looked at.
        let touchedBatches: [DependentSummary]
        let milliseconds: Double

        /// The dry run, for a report.
        var dryRun: JSONValue {
            .object(
                [
                    .init("checkpoints", JSONValue(checkpoints)), .init("rows", batch.rows.json),
                    .init("state_digest", .string(after.combined.description)),
                    .init("changes_sha256", .string(Hex.string(changes.hash))),
                ] + diff.members)
        }

        /// The undo that was tried.
        var rollback: JSONValue {
            [
                "rehearsed": true, "state_before": .string(before.combined.description),
                "state_after_undo": .string(undone.combined.description),
            ]
        }
    }
}

extension Rehearsal {
    /// The rows and objects that a rehearsed batch changed: all of a small one, the first of a large one.
    struct Diff {
        static let limit = ChangeList.Limit(rows: 1_000, bytes: 2 << 20)

        let report: ChangesReport
        /// False when only the first changes are listed; the counts are those of all.
        let isComplete: Bool
        /// The tenants whose rows changed, by the tenant column.
        let tenants: [String]
        /// Tables that refer to a changed one.
        let referring: [String]

        var members: [JSONValue.Member] {
            report.members(.none) + [.init("complete", .bool(isComplete))]
        }

        /// - Parameter original: the database as it was before, when the batch changed the schema: the undo log has no
        ///   rows of a table that was made anew.
        static func read(
            _ copy: Session, checkpoints: [Int64], original: Session?
        ) throws(BatchError) -> Diff {
            var collector = Collector(
                tenantColumn: copy.database.tenantColumn,
                list: ChangeList(copy.connection, table: nil, isStatistics: false, limit: Diff.limit))
            var schema: [SchemaObjectChange] = []
            if let original {
                let difference = DatabaseDifference(old: original.connection, new: copy.connection)
                schema = try difference.schema()
                for table in try difference.tables() {
                    try difference.forEachChange(of: table) { (row) throws(BatchError) in
                        collector.add(row, before: table.before, after: table.after)
                    }
                }
            } else {
                let changes = try BatchChanges(copy.ledger, checkpoints: checkpoints)
                for table in changes.tables {
                    try changes.forEachChange(of: table) { (row) throws(BatchError) in
                        collector.add(row, before: table.before, after: table.after)
                    }
                }
            }
            var report = collector.list.report()
            report.schema = schema
            let changed = Set(report.tables.map { $0.table.lowercased() })
            let referring = try SchemaReader(copy.connection).tables()
                .filter { table in table.foreignKeys.contains { changed.contains($0.parent.lowercased()) } }
            return Diff(
                report: report, isComplete: collector.list.isComplete,
                tenants: collector.tenants.sorted(), referring: referring.map(\.name).sorted())
        }

        private struct Collector {
            let tenantColumn: String?
            var list: ChangeList
            var tenants: Set<String> = []
            private static let mostTenants = 1_000

            mutating func add(_ row: RowChange, before: TableLayout?, after: TableLayout?) {
                guard let layout = after ?? before, list.wants(layout) else { return }
                list.add(row, before: before, after: after)
                guard let tenantColumn, tenants.count < Collector.mostTenants else { return }
                for (image, layout) in [(row.before, before ?? layout), (row.after, after ?? layout)] {
                    guard let image,
                        let place = layout.storedColumns.firstIndex(where: {
                            layout.columns[$0].name.lowercased() == tenantColumn.lowercased()
                        }), place < image.count
                    else { continue }
                    tenants.insert(image[place].string ?? SQLLiteral.value(image[place]))
                }
            }
        }
    }
}

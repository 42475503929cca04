internal import BatchCore
internal import BatchLedger

/// Runs the SQL of a job in one transaction, looks at what it did, and throws it away.
struct DryRun {
    let session: Session

    /// - Parameters:
    ///   - first: the step to begin with.
    ///   - position: items of it that are done.
    func perform(
        _ run: BatchRun, _ gateway: Gateway, from first: Int = 0, position: Int = 0
    ) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        var batch = run.batch
        let (rows, preview) = try discard(&batch, gateway, number: run.lastNumber + 1) {
            (inserted) throws(BatchError) in
            run.batch = inserted
            for (index, step) in run.job.steps.enumerated() where index >= first {
                try StepRun(run: run, step: step, from: index == first ? position : 0).perform()
            }
        } look: { () throws(BatchError) in
            try run.contracts?.require(run)
            let failing = try VerifyQueries(session: session).failing(run.job.verify, run.bindings)
            for query in failing { run.warn(.verifyFailed, "this verify query would not be true: \(query)") }
        }
        var report = report(batch, rows, preview, since: start, run.warnings)
        report.results = run.results.rows
        return report
    }

    /// A batch that batchmgr makes itself.
    /// - Parameters:
    ///   - work: changes the database; the gateway has begun.
    ///   - look: checks what came of it.
    func perform(
        _ batch: BatchRecord, _ gateway: Gateway, warnings: [Warning] = [], work: () throws(BatchError) -> Void,
        look: () throws(BatchError) -> Void
    ) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        var batch = batch
        let (rows, preview) = try discard(&batch, gateway, number: 1) { (_) throws(BatchError) in
            try work()
        } look: { () throws(BatchError) in
            try look()
        }
        return report(batch, rows, preview, since: start, warnings)
    }

    private func report(
        _ batch: BatchRecord, _ rows: RowCounts, _ preview: ChangesReport, since start: ContinuousClock.Instant,
        _ warnings: [Warning]
    ) -> RunReport {
        var report = RunReport(
            batch: batch.batch, tenant: batch.tenant, status: .committed, checkpoints: 0, rows: rows,
            restorePoint: nil, phases: .init(capture: start.millisecondsSince, restorePoint: 0),
            traceID: batch.traceID, duration: start.millisecondsSince, preview: preview, warnings: warnings)
        report.changedRows = preview.total.total
        return report
    }

    private func discard(
        _ batch: inout BatchRecord, _ gateway: Gateway, number: Int,
        work: (BatchRecord) throws(BatchError) -> Void, look: () throws(BatchError) -> Void
    ) throws(BatchError) -> (RowCounts, ChangesReport) {
        let ledger = session.ledger
        try gateway.begin()
        defer { gateway.rollback() }
        try LeaseTable(session.connection, for: session.owner).requireFree()
        if try ledger.state() == nil {
            if try !ledger.exists() { try ledger.create(databaseID: session.context.randomID()) }
            try ledger.setState(StateDigest())
        }
        if batch.seq == 0 { try ledger.insert(&batch) } else { try ledger.update(batch) }
        let objects = try SchemaReader(session.connection).objects()
        try work(batch)
        let checkpoint = try gateway.seal(
            batch: batch.seq, number: number, step: "dry run", at: session.context.now())
        let rows = gateway.rows
        try look()
        var preview = try preview(BatchChanges(ledger, checkpoints: [checkpoint]))
        if gateway.changedSchema { try addSchema(since: objects, to: &preview) }
        return (rows, preview)
    }

    /// Objects that came, went or changed. The undo log has no rows of a table that was made anew or is gone: they are
    /// read by a second connection, which sees the database as it was.
    private func addSchema(since old: [SchemaObject], to preview: inout ChangesReport) throws(BatchError) {
        let schema = DatabaseDifference.schema(from: old, to: try SchemaReader(session.connection).objects())
        preview.schema = schema
        let changed = Set(schema.filter { $0.type == "table" }.map(\.name))
        // Where the open transaction keeps readers out, the objects alone are told.
        guard !changed.isEmpty,
            let before = try? Connection(path: session.path, mode: .readOnly, busyTimeout: 0),
            (try? before.value("SELECT count(*) FROM main.sqlite_schema")) != nil
        else { return }
        before.tolerateUnknownCollations()
        let difference = DatabaseDifference(old: before, new: session.connection)
        var list = ChangeList(session.connection, table: nil, isStatistics: false)
        for table in try difference.tables() where changed.contains(table.name) {
            guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
            try difference.forEachChange(of: table) { (row) throws(BatchError) in
                list.add(row, before: table.before, after: table.after)
            }
        }
        let found = list.report()
        let tables = preview.tables.filter { !changed.contains($0.table) } + found.tables
        preview = ChangesReport(
            changes: preview.changes.filter { !changed.contains($0.table) } + found.changes,
            tables: tables.sorted { $0.table < $1.table }, schema: schema)
    }

    private func preview(_ changes: BatchChanges) throws(BatchError) -> ChangesReport {
        var list = ChangeList(session.connection, table: nil, isStatistics: false)
        for table in changes.tables {
            guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
            try changes.forEachChange(of: table) { (row) throws(BatchError) in
                list.add(row, before: table.before, after: table.after)
            }
        }
        return list.report()
    }
}

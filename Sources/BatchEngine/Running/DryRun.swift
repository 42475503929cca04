internal import BatchCore
internal import BatchLedger

/// Runs the SQL of a job in one transaction, looks at what it did, and throws it away.
struct DryRun {
    let session: Session
    func perform(_ run: BatchRun, _ gateway: Gateway) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        let context = session.context
        let ledger = session.ledger
        try gateway.begin()
        defer { gateway.rollback() }
        try LeaseTable(session.connection).requireFree()
        if try ledger.state() == nil {
            if try !ledger.exists() { try ledger.create(databaseID: context.randomID()) }
            try ledger.setState(StateDigest())
        }
        try ledger.insert(&run.batch)
        let objects = try SchemaReader(session.connection).objects()
        for step in run.job.steps { try StepRun(run: run, step: step).perform() }
        let rows = gateway.rows
        let checkpoint = try gateway.seal(batch: run.batch.seq, number: 1, step: "dry run", at: context.now())
        let failing = try VerifyQueries(session: session).failing(run.job.verify, run.bindings)
        for query in failing { run.warn(.verifyFailed, "this verify query would not hold: \(query)") }
        var preview = try preview(BatchChanges(ledger, checkpoints: [checkpoint]))
        if gateway.changedSchema { try addSchema(since: objects, to: &preview) }
        var report = RunReport(
            batch: run.batch.batch, tenant: run.batch.tenant, status: .committed, checkpoints: 0, rows: rows,
            restorePoint: nil, phases: .init(capture: start.millisecondsSince, restorePoint: 0),
            traceID: run.batch.traceID, duration: start.millisecondsSince, preview: preview, warnings: run.warnings)
        report.results = run.results.rows
        return report
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
        var list = ChangeList(table: nil, isStatistics: false)
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
        var list = ChangeList(table: nil, isStatistics: false)
        for table in changes.tables {
            guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
            try changes.forEachChange(of: table) { (row) throws(BatchError) in
                list.add(row, before: table.before, after: table.after)
            }
        }
        return list.report()
    }
}

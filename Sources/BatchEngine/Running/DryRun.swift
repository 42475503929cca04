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
        for step in run.job.steps { try StepRun(run: run, step: step).perform() }
        let rows = gateway.rows
        let checkpoint = try gateway.seal(batch: run.batch.seq, number: 1, step: "dry run", at: context.now())
        let failing = try VerifyQueries(session: session).failing(run.job.verify, run.bindings)
        for query in failing { run.warn(.verifyFailed, "this verify query would not hold: \(query)") }
        let preview = try preview(BatchChanges(ledger, checkpoints: [checkpoint]))
        return RunReport(
            batch: run.batch.batch, tenant: run.batch.tenant, status: .committed, checkpoints: 0, rows: rows,
            restorePoint: nil, phases: .init(capture: start.millisecondsSince, restorePoint: 0),
            traceID: run.batch.traceID, duration: start.millisecondsSince, preview: preview, warnings: run.warnings)
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

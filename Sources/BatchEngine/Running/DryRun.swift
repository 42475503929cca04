internal import BatchCore
internal import BatchLedger

/// Runs the SQL of a job in one transaction, looks at what it did, and throws it away.
struct DryRun {
    let session: Session
    /// Changed rows in the report; the counts are complete.
    static let mostRows = 10_000

    func perform(_ run: BatchRun, _ gateway: Gateway) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        let context = session.context
        let ledger = session.ledger
        try gateway.begin()
        defer { gateway.rollback() }
        if try ledger.state() == nil {
            if try !ledger.exists() { try ledger.create(databaseID: context.randomID()) }
            try ledger.setState(StateDigest())
        }
        try ledger.insert(&run.batch)
        for step in run.job.steps { try StepRun(run: run, step: step).perform() }
        let rows = gateway.rows
        let checkpoint = try gateway.seal(batch: run.batch.seq, number: 1, step: "dry run", at: context.now())
        let failing = try VerifyQueries(session: session).failing(run.job.verify, run.bindings)
        for query in failing { run.warn("this verify query would not hold: \(query)") }
        let preview = try ChangeList(limit: DryRun.mostRows).read(BatchChanges(ledger, checkpoints: [checkpoint]))
        return RunReport(
            batch: run.batch.batch, tenant: run.batch.tenant, status: .committed, checkpoints: 0, rows: rows,
            restorePoint: nil, phases: .init(capture: start.millisecondsSince, restorePoint: 0),
            traceID: run.batch.traceID, duration: start.millisecondsSince, preview: preview, warnings: run.warnings)
    }
}

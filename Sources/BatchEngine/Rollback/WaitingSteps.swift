internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

/// Runs the programs and plugins of replayed batches once the replay is permanent.
///
/// They see the database as it is then. One that fails leaves its batch `failed`, and `resume` goes on with it; the rows stay.
struct WaitingSteps {
    let session: Session
    let gateway: Gateway

    private var ledger: Ledger { session.ledger }

    /// - Returns: what was not done, in words.
    func perform(_ outcome: inout Rerun.Outcome) throws(BatchError) -> String? {
        if outcome.waiting.isEmpty { return nil }
        var batch = outcome.batch
        let job = try session.job(of: batch)
        let run = BatchRun(
            session, gateway, job: job, values: try PinnedParameters.values(batch.parameters), batch: batch)
        run.noted = try ledger.checkpoints(of: batch.seq).last?.id
        var failure: BatchError?
        do throws(BatchError) {
            for step in outcome.waiting { try StepRun(run: run, step: step).perform() }
        } catch { failure = error }
        batch = run.batch
        batch.status = failure == nil ? .committed : .failed
        batch.error = failure.map { "\($0.code.rawValue): \($0.message)" }
        batch.finishedAt = session.context.now().iso8601
        try ledger.update(batch)
        outcome.batch = batch
        let next = HintCommand("resume --id \(batch.batch)").text(session.context.call)
        return failure.map { "\($0.message); go on with it: \(next)" }
    }
}

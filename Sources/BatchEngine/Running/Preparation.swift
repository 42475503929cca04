internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What happens before the first checkpoint of any batch: lease, recovery, baseline, drift.
struct Preparation {
    let session: Session
    let control: any ControlStore

    /// Brings the records up to date: batches of dead processes are marked stopped, pending restore points completed.
    /// Call it with the lease.
    func recover() throws(BatchError) {
        let ledger = session.ledger
        ScratchFolder.sweep(session.backups)
        Leftovers().remove(backups: session.backups)
        guard try ledger.exists() else { return }
        try ledger.complete()
        try session.followPolicy()
        for var batch in try ledger.batches(where: "status = 'running'") {
            batch.status = .stopped
            batch.finishedAt = session.context.now().iso8601
            batch.error = batch.error ?? "ERR_PERF_STOPPED: the process ended before the batch did"
            try session.connection.transaction { () throws(BatchError) in
                try ledger.update(batch)
                try ledger.audit("recover", batch: batch, outcome: "stopped", details: [:], context: session.context)
            }
            session.context.log.write(
                .warn, "batch.recovered", "the process of batch \(batch.batch) ended before it: stopped",
                module: .recovery, batch: LoggedBatch(batch))
            session.context.reach("stop-noted")
        }
        try PendingErasure(session: session).finish()
        try PointKeeper(session: session).completePending()
    }

    /// Makes the ledger and its first commit, or commits what drifted since the last batch.
    /// - Returns: why the next `.bak` must be a whole copy; nil when it need not be.
    func openHistory() throws(BatchError) -> String? {
        try LevelGate(session: session).makeUp()
        let version = session.connection.dataVersion
        let reason = try keepDrift(since: version)
        try GuardSetting(session).follow(since: version)
        return reason
    }

    private func keepDrift(since version: Int64) throws(BatchError) -> String? {
        let keeper = PointKeeper(session: session)
        if try session.ledger.state() == nil {
            try createLedger()
            try session.followPolicy()
            session.context.reach("ledger-created")
            try keeper.completePending(since: version)
            return SnapshotChoice.Reason.firstBatch
        }
        guard let drifted = try DriftWatch(session: session, control: control).look() else { return nil }
        if try DriftAdoption(session, control: control).adoptNoted() { return nil }
        try keeper.writeDrift(drifted, since: version)
        return "drift was found"
    }

    /// The ledger's tables, the digests that everything after builds on, and the intent of the first point, in one
    /// transaction.
    func createLedger() throws(BatchError) {
        let context = session.context
        try session.connection.transaction { () throws(BatchError) in
            try session.ledger.create(databaseID: context.randomID())
            let state = try StateDigest.compute(session.connection)
            try session.ledger.setState(state)
            try session.ledger.audit(
                "ledger", batch: nil, outcome: "created",
                details: ["database_id": .init(try session.ledger.meta("database_id"))], context: context.shared)
            try PointKeeper(session: session).intend(.baseline)
        }
    }
}

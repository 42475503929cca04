public import BatchCatalog
public import BatchControl
public import BatchCore
internal import BatchLedger

extension Runner {
    /// Runs an order with a key to its end, however often it is called: a batch that has begun is gone on with, and one that
    /// is committed is the answer.
    /// - Throws: as `submit` and `resume`.
    public func complete(_ order: RunOrder) throws(BatchError) -> Submission {
        // A worker may live for months: what each job has noted is signed behind it.
        defer {
            do throws(BatchError) {
                try AuditTrail.signHeads(session, backups: session.backups, session.context)
            } catch {
                session.context.log.write(
                    .warn, "audit.unsigned", "the heads of the audit could not be signed: \(error.logMessage)",
                    module: .audit, error: error)
            }
        }
        if let begun = try begun(order) { return .ran(try resume(.batch(begun))) }
        return try submit(order)
    }

    /// The batch of the key that has done a part of the work.
    private func begun(_ order: RunOrder) throws(BatchError) -> BatchID? {
        func holder() throws(BatchError) -> BatchRecord? {
            guard let key = order.key, try session.ledger.exists() else { return nil }
            return try session.ledger.holder(of: key, job: order.job.id, tenant: order.tenant)
        }
        guard try holder() != nil else { return nil }
        // Under the lease, a batch whose process is dead is marked stopped.
        let turn = try session.turn(for: LeaseWork("run", job: order.job.id))
        defer { withExtendedLifetime(turn) {} }
        guard let earlier = try holder(), earlier.status == .stopped || earlier.status == .failed else { return nil }
        return earlier.batch
    }
}

extension Context {
    /// What the processes of a workspace share.
    public func store(of workspace: Workspace) throws(BatchError) -> any ControlStore {
        try control(in: workspace.backups)
    }
}

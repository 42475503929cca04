public import BatchCatalog
public import BatchControl
public import BatchCore
internal import BatchLedger

extension Runner {
    /// Runs an order with a key to its end, however often it is called: a batch that has begun is gone on with, and one that
    /// is committed is the answer.
    /// - Throws: as `submit` and `resume`; an unattended order also `ERR_DATA_NOT_REPLAYABLE` when a process has died in a
    ///   program of it.
    public func complete(_ order: RunOrder) throws(BatchError) -> Submission {
        // A worker may live for months: what each job has noted is signed after it.
        defer {
            do throws(BatchError) {
                try AuditTrail.signHeads(session, backups: session.backups, session.context)
            } catch {
                session.context.log.write(
                    .warn, "audit.unsigned", "the heads of the audit could not be signed: \(error.logMessage)",
                    module: .audit, error: error)
            }
        }
        if let begun = try begun(order) {
            if order.isUnattended { try requireKnownOutcome(of: begun) }
            return .ran(try resume(.batch(begun)))
        }
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
        let file = try control(in: workspace.backups)
        if file.awaitsLedgers { try askLedgers(of: workspace, for: file) }
        return file
    }

    /// The same, after a look at all of it.
    public func wholeStore(of workspace: Workspace) throws(BatchError) -> any ControlStore {
        _ = try wholeControl(in: workspace.backups)
        return try store(of: workspace)
    }

    /// Whether an error came from a damaged `control.db`: it looks at all of it, so only after an error that says damage.
    public func isControlDamage(_ error: BatchError, of workspace: Workspace) -> Bool {
        guard ControlFile.isDamage(error) else { return false }
        do throws(BatchError) {
            try opened.file(in: workspace.backups).requireWhole()
            return false
        } catch { return ControlFile.isDamage(error) }
    }

    /// A damaged `control.db` that a command meets in the middle of its work is put aside and made anew, as by whoever opens one.
    /// - Returns: the error, with what to type now.
    public func mended(_ error: BatchError, of workspace: Workspace) -> BatchError {
        guard isControlDamage(error, of: workspace), (try? wholeStore(of: workspace)) != nil else { return error }
        return error.with(hint: "control.db was made anew; look at what is left: \(command: "status"); then try again")
    }

    /// - Throws: `ERR_DATA_CORRUPT_DATABASE` when a page of `control.db` cannot be read.
    public func requireWholeControl(of workspace: Workspace) throws(BatchError) {
        try requireWholeControl(in: workspace.backups)
    }

    func requireWholeControl(in folder: String) throws(BatchError) { try opened.file(in: folder).requireWhole() }

    /// Each batch of the queue is in its ledger under the key of its job, whatever became of the queue.
    private func askLedgers(of workspace: Workspace, for file: ControlFile) throws(BatchError) {
        var jobs: [LedgerJob] = []
        for database in workspace.databases where database.tenancy != .file {
            let session = try Session.view(workspace.choosing(database), context: self)
            guard try session.ledger.exists() else { continue }
            let key = "kind = 'batch' AND idempotency_key GLOB 'queue.*'"
            jobs += try session.ledger.batches(where: key).map(LedgerJob.init)
        }
        let count = try file.adopt(jobs, at: now())
        if count > 0 {
            log.write(
                .warn, "control.jobs", "\(count) jobs of the queue were taken from the ledgers", module: .recovery)
        }
    }
}

extension LedgerJob {
    fileprivate init(_ batch: BatchRecord) {
        let state: QueueState =
            switch batch.status {
            case .committed, .rolledBack, .partiallyRolledBack: .done
            case .failed: .failed
            case .stopped, .running: .queued
            }
        let values = (try? PinnedParameters.values(batch.parameters).entries) ?? []
        self.init(
            job: batch.batch.job, tenant: batch.tenant,
            assignments: values.compactMap { entry in entry.value.string.map { "\(entry.name)=\($0)" } },
            runKey: batch.idempotencyKey ?? "", actor: batch.actor,
            createdAt: Timestamp(iso8601: batch.startedAt) ?? Timestamp(milliseconds: 0), state: state,
            batch: "\(batch.batch)")
    }
}

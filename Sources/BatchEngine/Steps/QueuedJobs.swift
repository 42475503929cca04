internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchLedger

/// Jobs that a step has queued. Those that have not run are cancelled with the batch; a batch that one has become is a
/// dependent.
struct QueuedJobs {
    private let step: String
    private let numbers: [Int64]

    init(_ effect: Effect) {
        step = effect.step
        numbers = effect.detail["jobs"]?.array?.compactMap(\.integer) ?? []
    }

    /// What is undone beside it is no obstacle; what is not undone, or cannot be from here, is.
    func objectionToUndo(
        of batch: BatchRecord, beside undone: Set<Int64>, in session: Session
    ) -> UndoObjection? {
        do throws(BatchError) {
            let store = try session.control()
            for number in numbers {
                guard let job = try store.queueJob(number) else { continue }
                if let run = try session.ledger.runs(of: job).first(where: { !undone.contains($0.seq) }) {
                    return .fault(objection(batch, job, "ran as \(run.batch)", "rollback --id \(run.batch)"))
                }
                if job.state == .running {
                    return .fault(
                        objection(batch, job, "is running", "queue cancel --id \(number) --reason TEXT"))
                }
            }
            guard let run = try runsElsewhere(session).first else { return nil }
            let others = try runsElsewhere(session).count - 1
            let more = others > 0 ? "; \(Counted.text(others, "other batch", plural: "other batches")) there too" : ""
            return .fault(
                BatchError(
                    .dependents,
                    "\(run.batch) in \(run.place) depends on \(batch.batch): step \(step) has queued it as job \(run.job)\(more)",
                    hint:
                        "undo it there first: \(command: run.rollback); or leave it: \(command: "rollback --id \(batch.batch) --without-compensation")"
                ))
        } catch {
            return .fault(error)
        }
    }

    private func objection(
        _ batch: BatchRecord, _ job: QueueJob, _ what: String, _ next: HintCommand
    ) -> BatchError {
        BatchError(
            .compensationMissing, "step \(step) of \(batch.batch) has queued job \(job.number), which \(what)",
            hint:
                "first: \(command: next); or leave it: \(command: "rollback --id \(batch.batch) --without-compensation")"
        )
    }

    func cancel(because reason: String, in session: Session) throws(BatchError) {
        let store = try session.control()
        for number in numbers {
            guard let job = try store.queueJob(number), job.state.isOpen else { continue }
            _ = try store.cancel(number, reason: reason, at: session.context.now())
        }
    }

    /// Cancels what a step has queued when its process died before it could note that.
    static func cancelUnnoted(of batch: BatchRecord, in session: Session) throws(BatchError) {
        guard batch.kind == .batch, batch.definition != nil else { return }
        let steps = try session.job(of: batch).steps.filter { [EnqueueStep.name, BackfillStep.name].contains($0.kind) }
        let noted = Set(try session.ledger.allEffects(of: batch.seq).map(\.step))
        let names = Set(steps.map(\.id)).subtracting(noted)
        if names.isEmpty { return }
        let store = try session.control()
        for job in try store.queueJobs(queuedBy: "\(batch.batch)", try session.ledger.identity(of: batch))
        where job.state.isOpen && names.contains(job.order.queuedBy?.step ?? "") {
            _ = try store.cancel(
                job.number, reason: "\(batch.batch) was rolled back", at: session.context.now())
        }
    }

    /// Batches of other databases that these jobs have become.
    func runsElsewhere(_ session: Session) throws(BatchError) -> [DistantDependent] {
        let store = try session.control()
        var views: [String: Session] = [:]
        var found: [DistantDependent] = []
        for number in numbers {
            guard let job = try store.queueJob(number), job.attempts > 0, let place = session.place(of: job) else {
                continue
            }
            if views[job.order.place] == nil {
                views[job.order.place] = try Session.view(
                    session.workspace.whole.choosing(place.database), tenant: place.tenant, context: session.context)
            }
            guard let other = views[job.order.place], try other.ledger.exists(), other.path != session.path else {
                continue
            }
            for run in try other.ledger.runs(of: job) {
                found.append(
                    DistantDependent(
                        batch: run.batch, database: place.database.name, tenant: place.tenant, step: step,
                        job: number))
            }
        }
        return found
    }
}

extension Session {
    /// The database and, where each tenant has a file, the tenant of a job that works on another one; nil for this one, and
    /// where it is no longer known.
    fileprivate func place(of job: QueueJob) -> (database: DatabaseDefinition, tenant: String?)? {
        for database in workspace.whole.databases {
            switch database.tenancy {
            case .file:
                guard job.order.place == "\(database.name)/\(job.order.tenant ?? "")" else { continue }
                return (database, job.order.tenant)
            default:
                guard job.order.place == database.name else { continue }
                return database.name == self.database.name ? nil : (database, nil)
            }
        }
        return nil
    }

    /// What steps of these batches have queued, and has run in other databases.
    func dependentsElsewhere(of batches: [Int64]) throws(BatchError) -> [DistantDependent] {
        guard try ledger.exists() else { return [] }
        var found: [DistantDependent] = []
        for batch in batches {
            for effect in try ledger.effects(of: batch)
            where [EnqueueStep.name, BackfillStep.name].contains(effect.kind) {
                found += try QueuedJobs(effect).runsElsewhere(self)
            }
        }
        return found
    }
}

extension Ledger {
    /// The batches that a job of the queue has become and of which something stands: a repair makes one for each tenant.
    fileprivate func runs(of job: QueueJob) throws(BatchError) -> [BatchRecord] {
        guard try exists() else { return [] }
        // `0` is the character after a slash.
        let key = "(idempotency_key = ?1 OR idempotency_key > ?1 || '/' AND idempotency_key < ?1 || '0')"
        let live = "EXISTS(SELECT 1 FROM main.batchmgr_checkpoints c WHERE c.batch = seq AND c.undone_by IS NULL)"
        return try batches(where: "\(key) AND \(live)", [.string(job.runKey)])
    }
}

public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Runs batches.
public struct Runner {
    let session: Session
    let control: any ControlStore

    /// Names that the tool uses for its own batches.
    static let reservedJobs: Set<String> = ["rollback", "restore", "drift", "baseline"]

    public init(_ session: Session) throws(BatchError) {
        self.session = session
        control = try ControlFile(folder: session.backups)
    }

    // MARK: Run

    /// Runs a job from its first step to its last.
    /// - Parameter key: a second run with the same key does nothing.
    /// - Throws: the failure of a step, after the batch was marked and its restore point written.
    public func run(
        _ job: JobDefinition, _ values: ParameterValues, tenant: String? = nil, key: String? = nil
    ) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        try check(job, tenant)
        let gate = SwitchGate(session, control)
        try gate.require(gate.work(job, tenant: tenant), "job \(job.id)")
        let lease = try takeLease(for: job.id)
        let preparation = Preparation(session: session, control: control)
        try preparation.recover()
        if let key, try session.ledger.exists(),
            let earlier = try session.ledger.batches(where: "idempotency_key = ?", [.string(key)]).last
        {
            return try RunOutcome(session: session).repeated(earlier)
        }
        let needed = try needs(of: job)
        let reason = try preparation.openHistory()
        let gateway = try self.gateway(job, tenant)
        var batch = BatchRecord(
            batch: BatchID(job: job.id, number: try session.ledger.nextNumber(of: job.id)), kind: .batch,
            actor: session.context.actor, traceID: session.context.randomID(),
            startedAt: session.context.now().iso8601)
        batch.jobVersion = job.version.description
        batch.tenant = tenant
        batch.idempotencyKey = key
        batch.definition = job.text
        batch.parameters = PinnedParameters.text(values)
        let snapshot = try SnapshotChoice(session: session).kind(for: job, because: reason)
        var point = try begin(&batch, needs: needed, snapshot: snapshot)
        let run = BatchRun(session, gateway, job: job, values: values, batch: batch, lease: lease)
        run.gate = gate
        return try carryOut(run, &point, from: 0, position: 0, since: start)
    }

    /// Runs the SQL steps of a job and throws away what they did.
    public func preview(
        _ job: JobDefinition, _ values: ParameterValues, tenant: String? = nil
    ) throws(BatchError) -> RunReport {
        try check(job, tenant)
        let gate = SwitchGate(session, control)
        // Safe mode forbids no look at what would happen.
        if case .refused(let cause) = try gate.decision(on: gate.work(job, tenant: tenant)) {
            throw cause.refusal(of: "job \(job.id)")
        }
        let lease = try takeLease(for: job.id)
        defer { withExtendedLifetime(lease) {} }
        try Preparation(session: session, control: control).recover()
        let number = try session.ledger.exists() ? try session.ledger.nextNumber(of: job.id) : 1
        let gateway = try self.gateway(job, tenant)
        var batch = BatchRecord(
            batch: BatchID(job: job.id, number: number), kind: .batch, actor: session.context.actor,
            traceID: session.context.randomID(), startedAt: session.context.now().iso8601)
        batch.tenant = tenant
        let run = BatchRun(session, gateway, job: job, values: values, batch: batch, lease: nil, purpose: .dryRun)
        do throws(BatchError) {
            return try DryRun(session: session).perform(run, gateway)
        } catch {
            session.auditRefusal("dry-run", error)
            throw error
        }
    }

    /// Goes on with a batch that was stopped or failed, behind its last checkpoint.
    public func resume(_ reference: BatchReference) throws(BatchError) -> RunReport {
        let start = ContinuousClock.now
        let lease = try takeLease(for: "resume of \(reference)")
        let preparation = Preparation(session: session, control: control)
        try preparation.recover()
        var batch = try BatchLookup(session).batch(reference)
        let id = batch.batch
        guard batch.status == .stopped || batch.status == .failed, batch.kind == .batch, let text = batch.definition
        else {
            throw BatchError(
                .wrongState, "batch \(id) is \(batch.status.rawValue), so there is nothing to go on with",
                hint: "see it: batchmgr show --id \(id)")
        }
        let checkpoints = try session.ledger.checkpoints(of: batch.seq)
        guard checkpoints.allSatisfy(\.isLive) else {
            throw BatchError(
                .wrongState, "batch \(id) was rolled back in part",
                hint: "run the job again: batchmgr run --id \(id.job)")
        }
        let job = try JobDefinition.parse(text: text, file: "\(id)")
        let gate = SwitchGate(session, control)
        try gate.require(gate.work(job, tenant: batch.tenant), "batch \(id)")
        let values = try PinnedParameters.values(batch.parameters)
        try session.plugins().require(job.pluginNames)
        let reason = try preparation.openHistory()
        let gateway = try self.gateway(job, batch.tenant)
        batch.status = .running
        batch.error = nil
        batch.finishedAt = nil
        let snapshot = try SnapshotChoice(session: session).kind(for: job, because: reason)
        var point = try begin(&batch, needs: [], snapshot: snapshot)
        let run = BatchRun(
            session, gateway, job: job, values: values, batch: batch, lease: lease,
            lastNumber: checkpoints.last?.number ?? 0)
        run.gate = gate
        let (step, position) = try place(job, batch, checkpoints)
        return try carryOut(run, &point, from: step, position: position, since: start)
    }

    /// Asks the process that runs a batch to stop at its next checkpoint.
    public func stop(_ reference: BatchReference) throws(BatchError) -> StopReport {
        let batch = try BatchLookup(session).batch(reference)
        let id = batch.batch
        guard batch.status == .running, let holder = try control.holder(of: session.path),
            holder.isAlive(at: session.context.now())
        else {
            throw BatchError(.wrongState, "batch \(id) is not running", hint: "see it: batchmgr show --id \(id)")
        }
        try control.requestStop(session.path)
        return StopReport(batch: id)
    }

    // MARK: Before the first step

    func takeLease(for work: String) throws(BatchError) -> Lease {
        try Lease(control, folder: session.backups, database: session.path, work: work, context: session.context)
    }

    private func gateway(_ job: JobDefinition, _ tenant: String?) throws(BatchError) -> Gateway {
        let policy = try PolicyChoice(session: session).policy(for: job, tenant: tenant)
        if let isOn = job.foreignKeys { session.connection.enforceForeignKeys(isOn) }
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        gateway.policy = policy
        return gateway
    }

    private func check(_ job: JobDefinition, _ tenant: String?) throws(BatchError) {
        guard !Runner.reservedJobs.contains(job.id) else {
            throw BatchError(
                .usage, "'\(job.id)' is a name that batchmgr uses for its own batches",
                hint: "choose another name: --id NAME")
        }
        if job.tenant == .required && tenant == nil {
            throw BatchError(.usage, "job \(job.id) runs for one tenant", hint: "name it: --tenant NAME")
        }
        if job.tenant == .none && tenant != nil {
            throw BatchError(.usage, "job \(job.id) runs for no tenant", hint: "leave out --tenant")
        }
        try session.plugins().require(job.pluginNames)
    }

    /// The batches that the job declares to depend on: the latest committed one of each job that it needs.
    private func needs(of job: JobDefinition) throws(BatchError) -> [BatchRecord] {
        var needed: [BatchRecord] = []
        for name in job.needs {
            let isKnown = try session.ledger.exists()
            let last =
                isKnown
                ? try session.ledger.batches(where: "job = ? AND status = 'committed'", [.string(name)]).last : nil
            guard let last else {
                throw BatchError(
                    .wrongState, "job \(job.id) needs a committed batch of \(name), and there is none",
                    hint: "run it first: batchmgr run --id \(name)")
            }
            needed.append(last)
        }
        return needed
    }

    /// Writes the intent: the batch, and the restore point it will get. A whole copy is taken under the same lock, so
    /// that it is the state before the first checkpoint.
    private func begin(
        _ batch: inout BatchRecord, needs: [BatchRecord], snapshot: SnapshotKind
    ) throws(BatchError) -> PointRecord {
        let ledger = session.ledger
        let time = session.context.now()
        var point = PointRecord(batch: batch.seq, kind: .batch, lastCheckpoint: 0, createdAt: time.iso8601)
        var record = batch
        try session.connection.transaction { () throws(BatchError) in
            let state = try ledger.state() ?? StateDigest()
            if record.seq == 0 {
                record.digestBefore = state.combined
                try ledger.insert(&record)
            } else {
                try ledger.update(record)
            }
            point = PointRecord(batch: record.seq, kind: .batch, lastCheckpoint: 0, createdAt: time.iso8601)
            point.bakKind = snapshot
            if snapshot == .full {
                let before = try DatabaseState.read(session.connection, digest: state)
                let file = try PointKeeper(session: session).writeFull(record.batch, at: time, before: before)
                point.bak = file.name
                point.bakSHA256 = file.sha256
                session.context.reach("full-written")
            }
            try ledger.save(&point)
            for needed in needs { try ledger.noteNeed(of: record.seq, needed) }
            try SwitchGate(session, control).mirror()
        }
        session.context.reach("batch-begun")
        batch = record
        return point
    }

    /// Where a batch goes on: the step, and for a chunked one the items that are done.
    private func place(
        _ job: JobDefinition, _ batch: BatchRecord, _ checkpoints: [CheckpointRecord]
    ) throws(BatchError) -> (step: Int, position: Int) {
        guard let last = checkpoints.last, let index = job.steps.firstIndex(where: { $0.id == last.step }) else {
            return (0, 0)
        }
        // The list of items stays until the last chunk.
        if let done = last.position.flatMap({ Int($0) }),
            try Worklist.load(session.ledger, batch: batch.seq, step: last.step) != nil
        {
            return (index, done)
        }
        return (index + 1, 0)
    }

    // MARK: The steps

    private func carryOut(
        _ run: BatchRun, _ point: inout PointRecord, from first: Int, position: Int,
        since start: ContinuousClock.Instant
    ) throws(BatchError) -> RunReport {
        var failure: BatchError?
        do throws(BatchError) {
            for (index, step) in run.job.steps.enumerated() where index >= first {
                try run.stopIfAsked()
                try StepRun(run: run, step: step).perform(from: index == first ? position : 0)
            }
            try VerifyQueries(session: session).require(run.job.verify, run.bindings, of: run.batch.batch)
        } catch {
            failure = error
        }
        return try RunOutcome(session: session, control: control).conclude(run, &point, failure, since: start)
    }
}

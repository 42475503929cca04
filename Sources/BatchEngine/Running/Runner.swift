internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Runs batches.
public struct Runner {
    let session: Session

    public init(_ session: Session) { self.session = session }

    // MARK: Run

    /// Runs a job from its first step to its last.
    /// - Parameter key: a second run with the same key does nothing.
    /// - Throws: the failure of a step, after the batch was marked and its restore point written;
    ///   `ERR_SECURITY_APPROVAL_REQUIRED` when the job may not run, and a patch plan was made instead.
    public func run(
        _ job: JobDefinition, _ values: ParameterValues, tenant: String? = nil, key: String? = nil
    ) throws(BatchError) -> RunReport {
        switch try submit(RunOrder(job: job, values: values, tenant: tenant, key: key)) {
        case .ran(let report): return report
        case .planned(let plan):
            throw BatchError(
                .approvalRequired, "\(plan.id) was made instead of a batch of \(job.id), and waits for approval",
                hint: "read it: \(command: "plan show --id \(plan.id)")")
        }
    }

    /// Runs a job, or makes a patch plan of it, as its level and the order want it. Every batch of a job begins here.
    /// - Throws: as `run`.
    public func submit(_ order: RunOrder) throws(BatchError) -> Submission {
        let start = ContinuousClock.now
        var order = order
        let job = order.job
        try check(job, order.tenant)
        let switches = SwitchGate(session)
        order.suggestion = try switches.suggestion(for: order) ?? order.suggestion
        let turn = try session.turn(for: LeaseWork(session.worksQueue ? LeaseWork.queue : "run", job: job.id))
        let submission = try submit(order, switches, turn, since: start)
        guard case .ran(var report) = submission, !report.isRepeated else { return submission }
        report.removed = session.letGo()
        return .ran(report)
    }

    /// Under a lease that is held.
    func submit(
        _ order: RunOrder, _ switches: SwitchGate, _ turn: borrowing Turn, since start: ContinuousClock.Instant
    ) throws(BatchError) -> Submission {
        let job = order.job
        if let earlier = try holder(of: order) {
            return .ran(try RunOutcome(session: session).repeated(earlier))
        }
        if !order.isAnew { try session.ledger.refuseAnother(of: job.id, tenant: order.tenant) }
        let needed = try needs(of: job)
        let reason = try turn.openHistory()
        var batch = try newBatch(order)
        let isolation = try order.plan.map { (plan) throws(BatchError) in try IsolationCheck(session, plan.plan) }
        let gate = LevelGate(session: session)
        var rehearsal: String?
        switch LevelPolicy(level: job.level).decision(approval: order.plan?.approval, suggestion: order.suggestion) {
        case .apply: break
        case .rehearse:
            let subject = Rehearsal.Subject(job: job, values: order.values, batch: batch)
            let rehearsed: (report: String, changesSchema: Bool)
            do throws(BatchError) {
                rehearsed = try gate.rehearse(subject)
            } catch {
                return .planned(try planned(order, because: error))
            }
            rehearsal = rehearsed.report
            guard job.repair != nil, rehearsed.changesSchema else { break }
            if let because = try CorrectiveMigration(session: session, subject: subject).objection() {
                return .planned(try PatchPlanDraft(session: session).make(order, batch, because))
            }
        case .propose(let because): return .planned(try PatchPlanDraft(session: session).make(order, batch, because))
        case .carryOut: try order.plan?.claim(session, batch)
        }
        let orphans = order.isGoverned ? Checklist.orphans(session.connection) : nil
        let gateway = try Runner.gateway(session, job, tenant: order.tenant, approval: order.plan?.approval)
        let snapshot = try SnapshotChoice(session: session).kind(for: job, because: reason)
        var queued = order.queued
        if queued == nil, let plan = order.plan?.plan {
            queued = try session.control().queueJob(plan: plan.id.number).flatMap(QueuedRun.init)
        }
        var point = try begin(&batch, needs: needed, queued, snapshot: snapshot, turn.lease.lease) {
            () throws(BatchError) in _ = try turn.openHistory(isCopying: true)
        }
        let run = try BatchRun(session, gateway, job: job, values: order.values, batch: batch, lease: turn.lease)
        run.switches = switches
        run.rehearsal = rehearsal
        run.plan = order.plan
        run.isolation = isolation
        run.inputs = order.plan?.inputs
        run.mayBecomePlan = order.plan == nil
        var report: RunReport
        do throws(BatchError) {
            report = try carryOut(run, &point, from: 0, position: 0, since: start)
        } catch {
            return .planned(try planned(order, because: error))
        }
        if order.isGoverned { report.checklist = try gate.checkOff(run, orphans: orphans) }
        return .ran(report)
    }

    /// The plan of a batch that wanted to change what forces level 3. Nothing of the batch is left.
    /// - Throws: any other failure as it is.
    private func planned(_ order: RunOrder, because failure: BatchError) throws(BatchError) -> PatchPlanReport {
        guard failure.cause == .needsPlan, order.plan == nil else { throw failure }
        return try PatchPlanDraft(session: session).make(order, newBatch(order), failure.message)
    }

    /// The batch that has done the work of a key already.
    /// - Throws: `ERR_UX_WRONG_STATE` when it has done a part: done again from the beginning, that would be done twice.
    func holder(of order: RunOrder) throws(BatchError) -> BatchRecord? {
        guard let key = order.key, try session.ledger.exists(),
            let earlier = try session.ledger.holder(of: key, job: order.job.id, tenant: order.tenant)
        else { return nil }
        guard earlier.status == .stopped || earlier.status == .failed else { return earlier }
        throw BatchError(
            .wrongState,
            "batch \(earlier.batch) with the key '\(key)' is \(earlier.status.rawValue), with a part of its work done",
            hint:
                "continue it: \(command: "resume --id \(earlier.batch)"); or undo it: \(command: "rollback --id \(earlier.batch)")"
        )
    }

    func newBatch(_ order: RunOrder) throws(BatchError) -> BatchRecord {
        var batch = BatchRecord(
            batch: BatchID(job: order.job.id, number: try session.ledger.nextNumber(of: order.job.id)), kind: .batch,
            actor: session.context.actor, traceID: session.context.traceID,
            startedAt: session.context.now().iso8601)
        batch.jobVersion = order.job.version.description
        batch.tenant = order.tenant
        batch.idempotencyKey = order.key
        batch.definition = order.job.text
        batch.parameters = PinnedParameters.text(order.values)
        return batch
    }

    /// Runs the SQL steps of a job and throws away what they did.
    /// - Parameter isAnew: also when an earlier batch of the job is half done, of which the rest would be done only.
    /// - Throws: as `run`.
    public func preview(
        _ job: JobDefinition, _ values: ParameterValues, tenant: String? = nil, isAnew: Bool = false
    ) throws(BatchError) -> RunReport {
        try check(job, tenant)
        let switches = SwitchGate(session)
        // Safe mode forbids no look at what would happen.
        if case .refused(let cause) = try switches.decision(on: switches.work(job, tenant: tenant)) {
            throw cause.refusal(of: "job \(job.id)")
        }
        // It is one transaction, so SQLite's own lock is enough for it.
        if session.mayHaveLeftovers { _ = try session.turn(for: LeaseWork("run", job: job.id)) }
        if !isAnew { try session.ledger.refuseAnother(of: job.id, tenant: tenant, preview: true) }
        let number = try session.ledger.exists() ? try session.ledger.nextNumber(of: job.id) : 1
        let gateway = try Runner.gateway(session, job, tenant: tenant)
        // As a job of level 3, it may be looked at.
        gateway.policy.classes = [:]
        var batch = BatchRecord(
            batch: BatchID(job: job.id, number: number), kind: .batch, actor: session.context.actor,
            traceID: session.context.traceID, startedAt: session.context.now().iso8601)
        batch.tenant = tenant
        let run = try BatchRun(session, gateway, job: job, values: values, batch: batch, purpose: .dryRun)
        do throws(BatchError) {
            return try DryRun(session: session).perform(run, gateway)
        } catch {
            session.auditRefusal("dry-run", error)
            throw error
        }
    }

    // MARK: Before the first step

    /// The gateway for a batch of this job, with what it may write.
    static func gateway(
        _ session: Session, _ job: JobDefinition, tenant: String?, approval: Approval? = nil
    ) throws(BatchError) -> Gateway {
        let policy = try PolicyChoice(session: session).policy(for: job, tenant: tenant, approval: approval)
        if let isOn = job.foreignKeys { session.connection.enforceForeignKeys(isOn) }
        let gateway = try Gateway(session.connection, spillFolder: session.backups)
        gateway.policy = policy
        gateway.allowsOutside = !job.isAdHoc
        return gateway
    }

    func check(_ job: JobDefinition, _ tenant: String?) throws(BatchError) {
        guard !JobID.isReserved(job.id) else {
            throw BatchError(
                .usage, "'\(job.id)' is a name that batchmgr uses for its own batches",
                hint: "choose another name: --id NAME")
        }
        if job.repair?.isFlagOnly == true {
            throw BatchError(
                .usage, "job \(job.id) only reports what is wrong, and changes nothing",
                hint: "see it: \(command: "heal scan \(job.id)")")
        }
        if job.tenant == .required && tenant == nil {
            throw BatchError(.usage, "job \(job.id) needs a tenant", hint: "name it: --tenant NAME")
        }
        if job.tenant == .none && tenant != nil {
            throw BatchError(.usage, "job \(job.id) takes no tenant", hint: "leave out --tenant")
        }
        // Jobs of the queue and of schedules come here without having been asked.
        if tenant?.utf8.allSatisfy({ $0 < 128 }) == false { try session.requireDistinctTenant() }
        try session.context.steps.require(job, in: session)
    }

    /// The batches that the job declares to depend on: the latest committed one of each job that it needs.
    func needs(of job: JobDefinition) throws(BatchError) -> [BatchRecord] {
        var needed: [BatchRecord] = []
        for name in job.needs {
            let isKnown = try session.ledger.exists()
            let last = isKnown ? try session.ledger.lastCommitted(name, seenBy: session.owner) : nil
            guard let last else {
                throw BatchError(
                    .wrongState, "job \(job.id) needs a committed batch of \(name), and there is none",
                    hint: "run it first: \(command: "run --id \(name)")")
            }
            needed.append(last)
        }
        return needed
    }

    /// Writes the intent: the batch, and the restore point it will get. A whole copy is the state before the
    /// first checkpoint: nobody has written between it and the lock.
    func begin(
        _ batch: inout BatchRecord, needs: [BatchRecord], _ queued: QueuedRun? = nil, snapshot: SnapshotKind,
        _ lease: Lease,
        keepDrift: () throws(BatchError) -> Void = {}
    ) throws(BatchError) -> PointRecord {
        let ledger = session.ledger
        let time = session.context.now()
        var point = PointRecord(batch: batch.seq, kind: .batch, lastCheckpoint: 0, createdAt: time.iso8601)
        var record = batch
        let copies = PointCopies(session: session)
        var early: PointCopies.EarlyCopy?
        if snapshot == .full {
            early = try copies.copyEarly(record.batch, at: time, keepDrift: keepDrift)
        }
        if record.seq == 0, !session.worksQueue, lease.isStopRequested {
            if let early { Folder.remove(early.file.path) }
            throw BatchError(
                .stopped, "the run of \(record.batch.job) was stopped before its batch began; no row was changed",
                hint: "run it again later: \(command: "run --id \(record.batch.job)")")
        }
        // From here on there is a batch, which a stop leaves at a checkpoint.
        session.context.noteStage(.working)
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
            try copies.writeFull(record.batch, for: &point, early: early)
            if snapshot == .full { session.context.reach("full-written") }
            try ledger.save(&point)
            try lease.note(record.batch)
            for needed in needs { try ledger.noteNeed(of: record.seq, needed) }
            if let queued { try ledger.noteQueued(record.seq, by: queued.step, job: queued.job) }
            try SwitchGate(session).mirror()
        }
        copies.keep(of: point)
        session.context.reach("batch-begun")
        batch = record
        session.context.log.write(
            .info, "batch.begin", "batch \(record.batch) begins", module: .runner, batch: Log.Batch(record, in: session)
        )
        return point
    }

    // MARK: The steps

    func carryOut(
        _ run: BatchRun, _ point: inout PointRecord, from first: Int, position: Int,
        since start: ContinuousClock.Instant
    ) throws(BatchError) -> RunReport {
        let (batch, traceID) = (run.batch.batch, run.batch.traceID)
        return try session.context.traced(
            "run \(run.job.id)", run.traceAttributes, id: TraceSpan.id(of: batch, in: traceID), since: start,
            links: run.firstTrace.map { [.init(traceID: $0, batch: batch)] } ?? [],
            keep: run.job.level >= 2 || run.job.repair != nil
        ) { () throws(BatchError) in
            try carryOut(run, &point, at: first, position, since: start)
        }
    }

    private func carryOut(
        _ run: BatchRun, _ point: inout PointRecord, at first: Int, _ position: Int,
        since start: ContinuousClock.Instant
    ) throws(BatchError) -> RunReport {
        var failure: BatchError?
        do throws(BatchError) {
            if run.mayEndWithItsStep { run.endsWith = point }
            if run.series == nil || run.endsWith != nil {
                try perform(run, from: first, position: position)
            } else {
                // The end of the batch waits for the disk, for all of it.
                try session.connection.unhurried { () throws(BatchError) in
                    try perform(run, from: first, position: position)
                }
            }
            try VerifyQueries(session: session).require(run.job.verify, run.bindings, of: run.batch.batch)
            try run.plan?.requireItsChanges(run)
            try run.isolation?.require()
            try run.release()
        } catch {
            failure = run.plan?.failure(error) ?? error
            if run.isAtomic { run.discard() }
        }
        return try RunOutcome(session: session).conclude(run, &point, failure, since: start)
    }

    private func perform(_ run: BatchRun, from first: Int, position: Int) throws(BatchError) {
        // In one transaction the first look is in it, too.
        if !run.isAtomic { try run.isolation?.look() }
        for step in run.waiting { try StepRun(run: run, step: step).perform() }
        for (index, step) in run.job.steps.enumerated() where index >= first {
            try run.stopIfAsked()
            try StepRun(run: run, step: step, from: index == first ? position : 0).perform()
        }
    }
}

extension BatchRun {
    /// Whether nothing can go wrong any more once its only checkpoint is committed.
    fileprivate var mayEndWithItsStep: Bool {
        guard series != nil, job.steps.count == 1, let step = job.steps.first else { return false }
        return step.kind == SQLStep.name && step.chunk == nil && job.verify.isEmpty && rules == nil && plan == nil
            && isolation == nil && waiting.isEmpty && noted == nil
    }
}

internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// One batch on its way: what its steps share.
final class BatchRun {
    let session: Session
    let gateway: Gateway
    let job: JobDefinition
    let values: ParameterValues
    /// Nil in what nobody can stop.
    let lease: HeldLease?
    let purpose: Purpose
    /// Asked before each commit; nil where the catalog has none.
    let contracts: RealtimeContracts?
    /// Of a batch that may be held back on its way; nil in rehearsals.
    var switches: SwitchGate?
    /// Judged directly after each checkpoint; nil in rehearsals, and where the catalog has none.
    let rules: RealtimeRules?
    var batch: BatchRecord
    /// The number of the last committed checkpoint.
    var lastNumber: Int
    /// Milliseconds from BEGIN to COMMIT of all checkpoints.
    private(set) var captureMilliseconds: Double = 0
    private(set) var checkpoints = 0
    private(set) var warnings: [Warning] = []
    /// Rows that SQL of one's own returned; a job of the catalog has nobody who waits for them.
    let results: ReturnedRows
    /// `Connection.dataVersion` before the first checkpoint.
    let dataVersion: Int64
    /// On the clock of the context, in milliseconds.
    let deadline: Int64?
    /// Of the policy, as `deadline`.
    let limit: Int64?

    init(
        _ session: Session, _ gateway: Gateway, job: JobDefinition, values: ParameterValues, batch: BatchRecord,
        lease: HeldLease? = nil, lastNumber: Int = 0, purpose: Purpose = .work
    ) throws(BatchError) {
        self.session = session
        self.gateway = gateway
        self.job = job
        self.values = values
        self.batch = batch
        self.lease = lease
        self.lastNumber = lastNumber
        self.purpose = purpose
        name = batch.batch
        results = ReturnedRows(isWanted: job.isAdHoc)
        dataVersion = session.connection.dataVersion
        deadline = job.timeout.map { session.context.clock.now() + $0.milliseconds }
        limit = gateway.policy.timeLimit.map { session.context.clock.now() + $0 }
        contracts = try RealtimeContracts(session, gateway)
        rules = purpose.sharesDatabase ? try RealtimeRules(session, job, batch) : nil
    }

    /// What SQL sees as the id of its batch.
    var name: BatchID
    /// What each checkpoint saw the first time, in a replay or in the rehearsal of a plan.
    var inputs: RecordedInputs?
    /// In a replay: steps outside the database, which cannot be thrown away with the transaction.
    var waiting: [StepDefinition] = []
    /// After a replay: the checkpoint that is noted for such steps. A new one would stand after those of later
    /// batches.
    var noted: Int64?
    /// The approved plan that this batch carries out.
    var plan: ApprovedPatchPlan?
    /// What that plan may not touch.
    var isolation: IsolationCheck?
    /// The restore point of a batch whose last checkpoint is its end too, in one transaction.
    var endsWith: PointRecord?
    /// How it ended there.
    private(set) var settlement: RunOutcome.Settlement?
    /// Which restore points it shares the wait for the disk with.
    unowned var series: BatchSeries?
    /// The report of the rehearsal that let it through.
    var rehearsal: String?
    /// Of a batch that is gone on with: the trace in which it began.
    var firstTrace: String?

    var traceAttributes: [JSONValue.Member] {
        [
            .init("batchmgr.batch", .string("\(batch.batch)")), .init("batchmgr.job", .string(job.id)),
            .init("batchmgr.database", .string(session.database.name)), .init("batchmgr.level", JSONValue(job.level)),
        ] + (batch.tenant.map { [.init("batchmgr.tenant", .string($0))] } ?? [])
    }

    /// The contract for which the batch was stopped.
    var contract: ContractReport.Entry? { contracts?.broken }

    /// All checkpoints become permanent together, at the end.
    var isAtomic: Bool { plan?.isAtomic ?? false }
    /// When it changes what forces level 3, all of it is undone, and it becomes a plan.
    var mayBecomePlan = false

    var context: Context { session.context }

    /// What SQL of the job may refer to by name.
    var bindings: [String: SQLValue] {
        var bindings = Dictionary(values.entries.map { ($0.name, $0.value) }) { first, _ in first }
        bindings["tenant"] = .optional(batch.tenant)
        bindings["batch"] = .string(name.description)
        return bindings
    }

    func warn(_ code: WarningCode, _ text: String) {
        warnings.append(Warning(code, text))
        context.log.write(.warn, "warning", code.rawValue, module: .runner, batch: logged, warning: code)
    }

    /// As a line of the log names it.
    var logged: Log.Batch {
        Log.Batch(name: batch.batch.description, tenant: batch.tenant, module: job.module)
    }

    /// Steps outside the database that a rehearsal did not run, with what they would do.
    private(set) var leftOut: [String] = []
    func leaveOut(_ step: StepDefinition, _ what: String) { leftOut.append("\(step.id): \(what)") }

    // MARK: Checkpoints

    /// Runs `body` in one transaction and commits it as the next checkpoint; in a dry run the one transaction that is
    /// open already takes it.
    func checkpoint(
        _ step: StepDefinition, position: () -> String? = { nil }, body: () throws(BatchError) -> Void,
        finish: (Int64) throws(BatchError) -> Void = { _ in }
    ) throws(BatchError) {
        if purpose.isOneTransaction { return try body() }
        try stopIfSwitched()
        try letOthersWrite()
        let start = ContinuousClock.now
        let span = context.log.trace?.begin("gateway")
        var begun = context.clock.now()
        defer {
            captureMilliseconds += start.millisecondsSince
            held += context.clock.now() - begun
            isInLastCheckpoint = false
            wanted = step.pause?.milliseconds
        }
        do throws(BatchError) {
            try begin(seeing: inputs?.next(of: step.id))
            if isAtomic {
                gateway.hold()
                try isolation?.look()
            }
            begun = context.clock.now()
            noteLast(isLast(step) && step.chunk == nil)
            context.reach("begun")
            try limited(step) { () throws(BatchError) in try body() }
            if let limit, context.clock.now() > limit { throw exceeded }
            context.reach("worked")
            var (rows, updated) = (RowCounts(), batch)
            var ended: RunOutcome.Settlement?
            try gateway.commit(
                batch: batch.seq, number: lastNumber + 1, step: step.id, position: position(), at: context.now()
            ) { (checkpoint) throws(BatchError) in
                // A full-text index writes what it has held back when the checkpoint is sealed.
                rows = gateway.rows
                updated.rows += rows
                updated.hasSchemaChange = batch.hasSchemaChange || gateway.changedSchema
                try keepContracts(step)
                try finish(checkpoint)
                if isInLastCheckpoint, let endsWith {
                    let end = try RunOutcome(session: session).end(self, updated, endsWith, nil)
                    updated = end.batch
                    ended = end
                } else {
                    try session.ledger.update(updated)
                }
                context.reach("before-commit")
            }
            batch = updated
            settlement = ended
            if let span {
                context.log.trace?.end(
                    span,
                    [
                        .init("batchmgr.checkpoint", JSONValue(lastNumber + 1)),
                        .init("batchmgr.rows", JSONValue(rows.total)),
                    ])
            }
        } catch {
            gateway.rollback()
            if let span { context.log.trace?.end(span, error: error) }
            throw error
        }
        lastNumber += 1
        checkpoints += 1
        context.log.write(
            .debug, "checkpoint", "checkpoint \(lastNumber) is committed", module: .runner, batch: logged, step: step.id
        )
        if !gateway.isHolding { context.reach("committed") }
        try keepRules(start.millisecondsSince)
    }

    /// What fires stops the batch before its next checkpoint, when that is what the rule wants.
    private func keepRules(_ milliseconds: Double) throws(BatchError) {
        guard let rules else { return }
        try context.traced("rules") { () throws(BatchError) in
            rules.noteCheckpoint(milliseconds)
            if !gateway.isHolding { rules.follow() }
        }
    }

    private func keepContracts(_ step: StepDefinition) throws(BatchError) {
        guard let contracts else { return }
        try context.traced("contracts") { () throws(BatchError) in
            try limited(step) { () throws(BatchError) in try contracts.require(self) }
        }
    }

    // MARK: The last checkpoint

    /// With the open checkpoint the batch would end: a stop at the next one would come too late, so it aborts this one.
    private(set) var isInLastCheckpoint = false

    func noteLast(_ isLast: Bool) {
        isInLastCheckpoint = isLast
        context.noteStage(isLast ? .lastCheckpoint : .working)
    }

    /// What a program has done must be noted, whoever wants to stop.
    func isLast(_ step: StepDefinition) -> Bool {
        step.id == job.steps.last?.id && purpose.sharesDatabase && context.steps.place(of: step) == .rows
    }

    // MARK: Other writers

    /// How long a batch that is under way waits for a transaction of others, in milliseconds. It would be half done.
    private static let patience: Int64 = 60_000

    private func begin(seeing inputs: PinnedInputs?) throws(BatchError) {
        let end = context.clock.now() + (lastNumber > 0 && !gateway.isHolding ? BatchRun.patience : 0)
        while true {
            do throws(BatchError) { return try gateway.begin(seeing: inputs) } catch {
                guard error.code == .busy, context.clock.now() < end else { throw error }
                gateway.rollback()
                try stopIfAsked()
            }
        }
    }

    /// Milliseconds for which this batch has kept others from writing since they last had a chance.
    private var held: Int64 = 0
    /// The pause that the step of the last checkpoint asks for.
    private var wanted: Int64?

    /// A program that waits for the lock looks for it every 100 ms, for 5 s as a rule. Taken again at once after each
    /// checkpoint, it would hardly ever be free then. It is left alone for two such looks, as one may come late.
    private var rhythm: (hold: Int64, chance: Int64) { othersWrite ? (500, 220) : (1_500, 220) }
    /// Somebody wrote when there was a chance, and will want to again.
    private var othersWrite = false

    private func letOthersWrite() throws(BatchError) {
        guard purpose.sharesDatabase, !gateway.isHolding else { return }
        let pause = held >= rhythm.hold ? max(rhythm.chance, wanted ?? 0) : wanted ?? 0
        guard pause > 0 else { return }
        (held, wanted) = (0, nil)
        let version = session.connection.dataVersion
        if !wait(pause) { try stopIfAsked() }
        if session.connection.dataVersion != version { othersWrite = true }
    }

    /// Makes the checkpoints of an atomic batch permanent.
    func release() throws(BatchError) {
        guard gateway.isHolding else { return }
        context.reach("before-release")
        try gateway.release()
        context.reach("committed")
    }

    /// Throws away the checkpoints of an atomic batch.
    func discard() {
        gateway.rollback()
        batch.rows = RowCounts()
        batch.hasSchemaChange = false
        (lastNumber, checkpoints) = (0, 0)
    }
}

extension ContinuousClock.Instant {
    /// Since this moment, with parts.
    var millisecondsSince: Double {
        let (seconds, attoseconds) = (ContinuousClock.now - self).components
        return Double(seconds) * 1_000 + Double(attoseconds) / 1e15
    }
}

extension Duration {
    /// Milliseconds, with parts.
    var precise: Double { Double(components.seconds) * 1_000 + Double(components.attoseconds) / 1e15 }

    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}

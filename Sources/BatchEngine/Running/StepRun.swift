public import BatchCore
public import BatchLedger

/// One step of a batch on its way: what its kind needs to do the work, and what holds for every kind.
public struct StepRun {
    let run: BatchRun
    public let definition: StepDefinition
    /// Of a chunked step that was stopped: items done.
    let position: Int

    init(run: BatchRun, step: StepDefinition, from position: Int = 0) {
        self.run = run
        definition = step
        self.position = position
    }

    public var gateway: Gateway { run.gateway }
    public var session: Session { run.session }
    public var batch: BatchID { run.batch.batch }
    /// What SQL of the step may refer to by name.
    public var bindings: [String: SQLValue] { run.bindings }
    private var context: Context { run.context }
    private var kind: any StepKind { context.steps.kind(definition.kind) }

    // MARK: Running

    /// - Throws: the failure, with the names of step and batch in it.
    func perform() throws(BatchError) {
        let span = Log.newSpan(context)
        log(.info, "step.begin", "step \(definition.id) begins", span)
        do throws(BatchError) {
            try context.traced(
                "step \(definition.id)", [.init("batchmgr.step.kind", .string(definition.kind))], id: span
            ) { () throws(BatchError) in try run.purpose.carryOut(kind, self) }
            log(.info, "step.end", "step \(definition.id) is done", span)
        } catch {
            log(
                error.code == .stopped ? .warn : .error, "step.end",
                "step \(definition.id): \(error.logMessage)", span, error)
            throw named(error)
        }
    }

    private func named(_ error: BatchError) -> BatchError {
        // It names its place already.
        let isNamed = error.subject == .step(definition.id)
        var message = error.message
        if !isNamed, let said = error.saidBySQLite {
            message = "step \(definition.id) of \(run.batch.batch): \(said)"
        }
        if !isNamed, error.cause == .needsPlan {
            message = "step \(definition.id) of \(run.batch.batch): \(message)"
        }
        if !isNamed, [.otherTenant, .protectedData, .limitExceeded, .contractBroken].contains(error.code) {
            message = "step \(definition.id) of \(run.batch.batch): \(message)"
        }
        return error.with(
            message: message,
            hint: error.hint.filling("BATCH", "\(run.batch.batch)").filling("JOB", run.job.id),
            subject: error.subject ?? .step(definition.id))
    }

    /// The failure of one of several statements, with its place.
    func located(_ error: BatchError, _ place: String) -> BatchError {
        let said = error.saidBySQLite ?? error.message
        return error.with(
            message: "step \(definition.id) of \(run.batch.batch), \(place): \(said)", subject: .step(definition.id))
    }

    private func log(
        _ level: LogLevel, _ event: String, _ message: String, _ span: String, _ error: BatchError? = nil
    ) {
        context.log.write(
            level, event, message, module: .runner, batch: run.logged, step: definition.id, span: span, error: error)
    }

    /// Tries the work as often as the step allows.
    public func retrying(_ body: () throws(BatchError) -> Void) throws(BatchError) {
        // A failed try would take everything before it with it: there is no second one.
        let rule = run.purpose.mayRetry && !run.isAtomic ? definition.retry : nil
        let policy = rule.map { RetryPolicy(attempts: $0.maximum + 1, backoff: $0.backoff.milliseconds) } ?? .once
        var isGivenUp = false
        do throws(BatchError) {
            try policy.run(
                sleep: { milliseconds in
                    isGivenUp = !run.wait(milliseconds)
                    return !isGivenUp
                },
                onRetry: { attempt, error, _ in
                    run.warn(.stepRetried, "step \(definition.id), attempt \(attempt): \(error)")
                },
                attempt: { (number) throws(BatchError) in
                    run.rules?.noteAttempt(number)
                    try context.traced("attempt") { () throws(BatchError) in try body() }
                })
        } catch {
            // The step did not fail for good: somebody wanted the batch to stop before it was tried again.
            if isGivenUp { try run.stopIfAsked() }
            throw error
        }
    }

    // MARK: What a kind may use

    /// Runs `body` in one transaction and commits it as a checkpoint.
    /// - Parameter position: how many items of a chunked step are done then.
    public func checkpoint(
        position: () -> String? = { nil }, _ body: () throws(BatchError) -> Void
    ) throws(BatchError) {
        try run.checkpoint(definition, position: position, body: body)
    }

    /// Prepares a query that the catalog gives.
    /// - Parameter what: of the step it is: `check`.
    /// - Throws: `ERR_SECURITY_FORBIDDEN_STATEMENT` when it is more than one, or changes data.
    public func prepare(query: String, _ what: String) throws(BatchError) -> GatewayStatement {
        let prepared = try gateway.prepare(query)
        guard prepared.statement.isReadOnly else {
            throw BatchError(
                .forbiddenStatement, "\(what) \(definition.id) changes data", hint: "give a SELECT; see docs/catalog.md"
            )
        }
        guard SQLText.isBlank(prepared.statement.tail), SQLScript(query).settings.isEmpty else {
            throw BatchError(
                .forbiddenStatement,
                "\(what) \(definition.id) is more than one statement, and only the first would be run",
                hint: "write one query; see docs/catalog.md")
        }
        return prepared
    }

    /// Notes what the step did outside the database, in a checkpoint.
    /// - Parameters:
    ///   - query: what the step read for it.
    ///   - kind: when the ledger knows it by another name than the step's.
    public func record(
        _ detail: JSONValue, reading query: GatewayStatement? = nil, as kind: String? = nil
    ) throws(BatchError) {
        let (ledger, name) = (run.session.ledger, kind ?? definition.kind)
        if let noted = run.noted {
            return try ledger.insert(
                effect: name, batch: run.batch.seq, checkpoint: noted, step: definition.id, detail: detail)
        }
        try run.checkpoint(definition) {
            if let query { gateway.note(query) }
        } finish: { (checkpoint) throws(BatchError) in
            try ledger.insert(
                effect: name, batch: run.batch.seq, checkpoint: checkpoint, step: definition.id, detail: detail)
        }
    }

    /// Runs `body` in one transaction, and notes in the same checkpoint what the step did outside the database.
    public func checkpoint(noting detail: JSONValue, _ body: () throws(BatchError) -> Void) throws(BatchError) {
        let (ledger, batch, step) = (run.session.ledger, run.batch.seq, definition)
        try run.checkpoint(definition, body: body) { (checkpoint) throws(BatchError) in
            try ledger.insert(
                effect: step.kind, batch: batch, checkpoint: checkpoint, step: step.id, detail: detail)
        }
    }

    public var placeholders: CommandTemplate.Values {
        CommandTemplate.Values(
            batch: run.batch.batch.description, tenant: run.batch.tenant, step: definition.id,
            parameters: Dictionary(run.values.entries.map { ($0.name, $0.value) }) { first, _ in first })
    }

    /// Milliseconds that a program of this step may take; nil for no limit.
    public var timeLeft: Int64? { run.timeLeft(definition) }

    /// True once somebody wants the batch to stop.
    public var stop: () -> Bool {
        let run = self.run
        return { run.isStopWanted }
    }

    /// True once a program or a plugin is to be ended before its end.
    var programStop: () -> Bool {
        let run = self.run
        return { run.isProgramStopWanted }
    }

    /// - Throws: `ERR_PERF_STOPPED` when somebody asked the batch to stop.
    public func stopIfAsked() throws(BatchError) { try run.stopIfAsked() }

    public func progress(_ done: Int, of total: Int) {
        run.context.phase("\(run.batch.batch) \(definition.id)", done, of: total, "document")
    }

    /// The definition was checked when it was read; the ledger's copy of it is damaged.
    var unreadable: BatchError {
        BatchError(
            .corruptLedger, "the definition of step \(definition.id) of \(run.batch.batch) cannot be read",
            hint: "see what is damaged: \(command: "verify")")
    }
}

extension BatchRun {
    /// What the steps of a batch run for, and with it what becomes of work that is not in rows.
    struct Purpose: Sendable {
        private enum OutsideWork: Sendable {
            case perform
            /// The person is told with the report.
            case warn(String)
            /// The report of the rehearsal names it.
            case list
            /// Once everything else is permanent.
            case wait
        }

        private let files: OutsideWork
        private let outside: OutsideWork
        /// Everything happens in one transaction, which is thrown away.
        let isOneTransaction: Bool
        let mayRetry: Bool
        /// Others want to write to the same database between checkpoints.
        var sharesDatabase = false

        static let work = Purpose(
            files: .perform, outside: .perform, isOneTransaction: false, mayRetry: true, sharesDatabase: true)
        static let dryRun = Purpose(
            files: .warn("was not run in this dry run"), outside: .warn("was not run in this dry run"),
            isOneTransaction: true, mayRetry: true)
        /// An earlier batch once more, in the transaction of the rollback that made it necessary.
        static let replay = Purpose(
            files: .warn("was not made again"), outside: .wait, isOneTransaction: false, mayRetry: false)
        /// On a copy of the database.
        static let rehearsal = Purpose(files: .list, outside: .list, isOneTransaction: false, mayRetry: true)

        func carryOut(_ kind: any StepKind, _ step: StepRun) throws(BatchError) {
            let treatment: OutsideWork =
                switch kind.place {
                case .rows: .perform
                case .files: files
                case .outside: outside
                }
            let noun = kind.noun(step.definition)
            switch treatment {
            case .perform: try kind.run(step)
            case .warn(let what):
                step.run.warn(
                    .stepLeftOut, "step \(step.definition.id) of \(step.run.batch.batch): the \(noun) \(what)")
            case .list: step.run.leaveOut(step.definition, noun)
            case .wait: step.run.waiting.append(step.definition)
            }
        }
    }
}

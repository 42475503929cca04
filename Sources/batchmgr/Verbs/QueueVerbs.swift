internal import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchEngine
internal import BatchService
internal import BatchSystem

extension Verb {
    private static let number = Option.required("id", .number("NUMBER"), "the number of the job in the queue").main
    private static let which = [Option.value("job", .text("JOB"), "only jobs of this definition")]
    private static let reason = Option.required("reason", .text("TEXT"), "why")

    public static let queueAdd = Verb(
        "queue add", "put a job into the queue",
        details: """
            It is run once, by queue work: each attempt continues where the one before stopped, also after a worker \
            was killed. After a failure that may pass (a lock, a program, a disk) it is tried again, with twice the \
            pause each time; after any other it is not.
            """,
        options: [
            .required("id", .text("JOB"), "the job of the catalog").main,
            .repeated("set", .pair("NAME=VALUE"), "set a parameter; may be repeated"),
            .value("priority", .number("N"), "higher ones run first (default: 0)"),
            .value("at", .text("TIME"), "not before this time, in UTC, e.g. 2026-11-21T02:00"),
            .value("unique", .text("KEY"), "add nothing while a job with this key is open"),
            .value("sequence", .text("KEY"), "jobs with this key run one after the other, in this order"),
            .value("attempts", .number("N"), "how often it is tried (default: 3)"),
            .value("backoff", .text("SPAN"), "how long before the second attempt; doubles each time (default: 5s)"),
            .value("timeout", .text("SPAN"), "how long one attempt may take, e.g. 30m; it ends at a checkpoint"),
        ],
        topic: .run, role: .operator, trace: .workspace,
        examples: [
            .init("batchmgr queue add --id reprice_invoices --tenant acme --priority 5", "run it when its turn comes")
        ])

    public static let queueWork = Verb(
        "queue work", "take jobs from the queue and run them",
        details: """
            Any number of these may work at the same time, also as a service. The first SIGINT or SIGTERM stops at the next \
            checkpoint; the job continues later. Exit code 1 says that a job has failed for good.
            """,
        options: [
            .flag("until-empty", "end when nothing is ready and nothing is tried again soon"),
            .value("while", .number("PROCESS"), "end when the process that started it, with this id, has ended"),
        ],
        topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr queue work --until-empty", "run all that is ready, e.g. from cron")])

    public static let queueList = Verb(
        "queue list", "list the jobs of the queue, and why each of them waits",
        options: [
            .value(
                "state", .choice(QueueState.allCases.map(\.rawValue)),
                "only those in this state (default: open and failed)"),
            .flag("stuck", "only those that have been in their state for too long"),
            .flag("removed", "those that queue bulk has removed in the last 24 hours"), Option.all,
            .value("limit", .number("N"), "read at most this many (default: 1000)"),
        ] + which,
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr queue list --stuck", "what should somebody look at?")])

    public static let queueShow = Verb(
        "queue show", "show one job of the queue with its attempts",
        options: [number], topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr queue show 12", "why did it run again?")])

    public static let queueRetry = Verb(
        "queue retry", "put a failed, dead or cancelled job back into the queue",
        options: [number], topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr queue retry 12", "the cause is fixed: try again")])

    public static let queueCancel = Verb(
        "queue cancel", "cancel a job of the queue; one that runs stops at its next checkpoint",
        options: [number, reason], topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr queue cancel 12 --reason \"wrong month\"", "it should not run")])

    public static let queueResolve = Verb(
        "queue resolve", "settle a failed or dead job without running it",
        options: [number, reason], topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr queue resolve 12 --reason \"done by hand\"", "no longer red, still in the history")])

    public static let queueBulk = Verb(
        "queue bulk", "cancel, retry, settle, remove or restore many jobs at once",
        details: """
            The jobs are counted first, and that number is typed to confirm (or given with --confirm). What was removed is out of \
            all lists, and can be restored for 24 hours. It is done in slices; when it is stopped, the rest is left as it was.
            """,
        options: [
            .required("action", .choice(QueueBulkAction.allCases.map(\.rawValue)), "what is done to them").main,
            .value("state", .choice(QueueState.allCases.map(\.rawValue)), "only those in this state"),
            .value("reason", .text("TEXT"), "why; needed for all but retry and restore"),
            .value("confirm", .number("COUNT"), "the number of jobs, as it was counted"),
        ] + which,
        topic: .run, role: .operator, trace: .workspace,
        examples: [
            .init(
                "batchmgr queue bulk cancel --job reprice_invoices --reason \"wrong month\"",
                "all of them, not one page")
        ])

    public static let queueLimit = Verb(
        "queue limit", "show or set how many jobs of a definition or a kind run at the same time",
        details:
            "Jobs of one database run one after the other anyway. A job with repairs is of kind heal, one with audit.* or ocr.* steps of kind audit or ocr, all others of kind batch.",
        options: [
            .value("job", .text("JOB"), "the job of the catalog").main,
            .value("kind", .choice(QueueOrder.Kind.allCases.map(\.rawValue)), "all jobs of this kind"),
            .value("most", .number("N"), "at most this many").main, .flag("none", "any number again"),
        ],
        topic: .govern, role: .operator, trace: .workspace,
        examples: [
            .init("batchmgr queue limit export_all --most 1", "never two of them"),
            .init("batchmgr queue limit --kind ocr --most 2", "leave workers to other jobs"),
        ])

    public static let queuePause = Verb(
        "queue pause", "let workers take no more jobs",
        options: [reason, .value("job", .text("JOB"), "pause only jobs of this definition")],
        topic: .govern, role: .operator, trace: .workspace,
        examples: [.init("batchmgr queue pause --reason \"month end\"", "what runs is finished")])

    public static let queueResume = Verb(
        "queue resume", "let workers take jobs again",
        options: [.value("job", .text("JOB"), "what was paused for this definition")],
        topic: .govern, role: .operator, trace: .workspace,
        examples: [.init("batchmgr queue resume", "let workers take jobs")])

    public static let queueDeadList = Verb(
        "queue dead list", "list the failed and dead jobs, with the reasons",
        options: [Option.all] + which, topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr queue dead list", "what has nobody settled?")])

    public static let queueDeadRedrive = Verb(
        "queue dead redrive", "put all failed and dead jobs back into the queue, in their order",
        options: which, topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr queue dead redrive --job reprice_invoices", "the cause is fixed")])
}

extension QueueOrder {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments, now: Timestamp) throws(BatchError) {
        func span(_ name: String) throws(BatchError) -> Duration? {
            guard let text = arguments.value(name) else { return nil }
            guard let span = Duration(text: text) else {
                throw .usage("--\(name) '\(text)' is not a duration like 30s or 2h", arguments.verb)
            }
            return span
        }
        var runAt = now
        if let text = arguments.value("at") {
            guard let time = Timestamp(text: text, now: now) else {
                throw .usage("--at '\(text)' is not a time like 2026-11-21T02:00", arguments.verb)
            }
            runAt = time
        }
        let attempts = arguments.number("attempts") ?? QueueOrder.retry.attempts
        guard (1...100).contains(attempts) else { throw .usage("--attempts is 1 to 100", arguments.verb) }
        let priority = arguments.number("priority") ?? 0
        guard priority <= 1_000_000 else { throw .usage("--priority is 0 to 1000000", arguments.verb) }
        self.init(
            job: try arguments.required("id"), tenant: arguments.globals.tenant,
            assignments: arguments.values("set"), priority: priority, runAt: runAt,
            uniqueKey: arguments.value("unique"), sequenceKey: arguments.value("sequence"),
            retry: RetryPolicy(
                attempts: attempts, backoff: try span("backoff")?.wholeMilliseconds ?? QueueOrder.retry.backoff),
            timeout: try span("timeout"))
    }
}

extension Call {
    fileprivate func queue() throws(BatchError) -> Queue { try Queue(try workspace(), context: work) }
}

extension ParsedArguments {
    fileprivate func queueNumber() throws(BatchError) -> Int64 { Int64(try required("id")) ?? 0 }
}

extension Command {
    static let queueAdd = Command(.queueAdd) { (arguments, call) throws(BatchError) in
        try call.requireKnownTenant(mayBeNew: true)
        try call.output.show(try call.queue().add(try QueueOrder(arguments, now: call.work.now())))
        return .done
    }

    static let queueWork = Command(.queueWork) { (arguments, call) throws(BatchError) in
        var context = call.workContext()
        if let parent = arguments.number("while") {
            let wish = context.stopWish
            context.stopWish = { OwnProgram.parent == parent ? wish() : max(wish(), .atCheckpoint) }
        }
        let workspace = try call.workspace()
        let worker = try QueueWorker(workspace, context: context)
        if arguments.value("while") != nil { worker.mostMemory = Int64(workspace.queue.workerMemory) << 20 }
        let report = try worker.work(untilEmpty: arguments.has("until-empty")) { (job) in
            call.output.note(QueueText.line(job))
        }
        // The service shows it with what it tells itself; where lines of JSON are gathered, the log has told it.
        if let ending = worker.ending, !workspace.log.following(Environment.value).isTold {
            StandardError.write(ending + "; another one takes its place\n")
        }
        try call.output.show(report)
        // Of a worker of the service the code says how it ended, and not its jobs.
        return report.hasLost && arguments.value("while") == nil ? .stepFailed : .done
    }

    static let queueList = Command(.queueList) { (arguments, call) throws(BatchError) in
        let state: QueueState? = try arguments.choice("state")
        let isRemoved = arguments.has("removed")
        try call.requireKnown(job: arguments.value("job"))
        let usual = isRemoved ? [] : QueueState.allCases.filter { $0.isOpen || $0.isLost }
        let report = try call.queue().list(
            states: state.map { [$0] } ?? usual, job: arguments.value("job"), tenant: arguments.globals.tenant,
            isStuck: arguments.has("stuck"), isRemoved: isRemoved, limit: arguments.number("limit") ?? 1_000)
        try call.output.show(report)
        return .done
    }

    static let queueDeadList = Command(.queueDeadList) { (arguments, call) throws(BatchError) in
        try call.requireKnown(job: arguments.value("job"))
        let report = try call.queue().list(
            states: QueueState.allCases.filter(\.isLost), job: arguments.value("job"),
            tenant: arguments.globals.tenant)
        try call.output.show(report)
        return .done
    }

    static let queueShow = Command(.queueShow) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.queue().show(try arguments.queueNumber()))
        return .done
    }

    static let queueRetry = Command(.queueRetry) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.queue().retry(try arguments.queueNumber()))
        return .done
    }

    static let queueCancel = Command(.queueCancel) { (arguments, call) throws(BatchError) in
        let reason = try arguments.required("reason")
        try call.output.show(try call.queue().cancel(try arguments.queueNumber(), reason: reason))
        return .done
    }

    static let queueResolve = Command(.queueResolve) { (arguments, call) throws(BatchError) in
        let reason = try arguments.required("reason")
        try call.output.show(try call.queue().resolve(try arguments.queueNumber(), reason: reason))
        return .done
    }

    static let queuePause = Command(.queuePause) { (arguments, call) throws(BatchError) in
        let reason = try arguments.required("reason")
        try call.output.show(try call.queue().pause(job: arguments.value("job"), reason: reason))
        return .done
    }

    static let queueResume = Command(.queueResume) { (arguments, call) throws(BatchError) in
        if let job = arguments.value("job") { try call.names().require(job: job) }
        try call.output.show(try call.queue().resume(job: arguments.value("job")))
        return .done
    }

    static let queueDeadRedrive = Command(.queueDeadRedrive) { (arguments, call) throws(BatchError) in
        try call.requireKnown(job: arguments.value("job"))
        let report = try call.queue().redrive(job: arguments.value("job"), tenant: arguments.globals.tenant)
        try call.output.show(report)
        return .done
    }
}

extension Command {
    static let queueBulk = Command(.queueBulk) { (arguments, call) throws(BatchError) in
        guard let action: QueueBulkAction = try arguments.choice("action") else {
            throw .missing("--action", of: arguments.verb)
        }
        guard let reason = arguments.value("reason") ?? (action.needsReason ? nil : "") else {
            throw .missing("--reason TEXT", of: arguments.verb)
        }
        let state: QueueState? = try arguments.choice("state")
        try call.requireKnown(job: arguments.value("job"))
        let filter = QueueFilter(
            states: state.map { [$0] } ?? [], job: arguments.value("job"), tenant: arguments.globals.tenant)
        let queue = try Queue(try call.workspace(), context: call.workContext())
        let count = try queue.count(action, filter)
        if count > 0 { try confirm(action, count, arguments, call) }
        let isShown = call.terminal.isInputTTY
        let report = try queue.act(action, filter, confirmed: count, reason: reason) { done in
            if isShown { call.output.note("\(done) of \(count)") }
        }
        try call.output.show(report)
        return report.done < report.wanted && call.work.stopWish() != .goOn ? .stopped : .done
    }

    /// - Throws: `ERR_UX_USAGE` when another number is given than was counted.
    private static func confirm(
        _ action: QueueBulkAction, _ count: Int, _ arguments: ParsedArguments, _ call: Call
    ) throws(BatchError) {
        var typed = arguments.value("confirm")
        let isAsked = typed == nil && call.terminal.isInputTTY && !call.globals.isNonInteractive && !call.globals.isJSON
        if isAsked {
            call.output.note("\(action.rawValue) \(Figures.count(count, "job")): type the number to continue")
            typed = readLine()
        }
        guard let typed, Int(typed) == count else {
            throw BatchError(
                .usage, "not confirmed: \(action.rawValue) of \(Figures.count(count, "job"))",
                hint: "add --confirm \(count) when that is what you want")
        }
    }

    static let queueLimit = Command(.queueLimit) { (arguments, call) throws(BatchError) in
        let queue = try call.queue()
        let kind = arguments.value("kind").flatMap(QueueOrder.Kind.init)
        let (job, most) = (arguments.value("job"), arguments.number("most"))
        guard let subject = kind.map(QueueLimit.Subject.kind) ?? job.map(QueueLimit.Subject.job) else {
            guard most == nil, !arguments.has("none") else {
                throw .usage("name the job, or give --kind", arguments.verb)
            }
            try call.output.show(try queue.limits())
            return .done
        }
        if kind != nil, job != nil { throw .usage("give a job, or --kind", arguments.verb) }
        guard (most == nil) == arguments.has("none"), most != 0 else {
            throw .usage("give --most N (1 or more), or --none", arguments.verb)
        }
        try call.output.show(try queue.limit(most, of: subject))
        return .done
    }
}

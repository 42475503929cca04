internal import BatchCatalog
public import BatchCore
internal import BatchEngine
internal import BatchService

extension Verb {
    public static let scheduleNext = Verb(
        "schedule next", "show when a job or a cron expression fires next",
        details: """
            Five cron fields, or six with seconds before them, with names, ranges, steps, lists, L, W and #; or a word: @hourly, \
            @daily, @nightly, @weekly, @monthly, @yearly. A time that the clocks of the zone skip fires right after \
            the gap, and one that they show twice fires once; an expression with * for the minute or the hour goes by \
            the clock.
            """,
        options: [
            .value("id", .text("NAME"), "a job of the catalog with a schedule, or a schedule that was added").main,
            .value("cron", .text("EXPR"), "this expression"),
            .value("timezone", .text("TZ"), "the zone of its fields, e.g. Europe/Paris (default: the job's, or UTC)"),
            .value(
                "gap", .choice(GapRule.allCases.map(\.rawValue)), "a time that the clocks skip (default: shift)"),
            .value(
                "fold", .choice(FoldRule.allCases.map(\.rawValue)), "a time that they show twice (default: first)"),
            .value("from", .text("TIME"), "what comes after this time, e.g. 2026-11-21T02:00, in UTC (default: now)"),
            .value("count", .number("N"), "how many (default: 5)"),
        ],
        topic: .look, role: .viewer, trace: .view,
        examples: [
            .init("batchmgr schedule next --id mark_overdue", "when does it run?"),
            .init("batchmgr schedule next --cron \"0 2 L * *\" --timezone Europe/Paris", "try an expression"),
        ])

    public static let scheduleList = Verb(
        "schedule list", "list the schedules, with their next firings",
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr schedule list", "what runs when?")])

    public static let scheduleHistory = Verb(
        "schedule history", "show what happened to each firing",
        options: [.value("id", .text("SCHEDULE"), "only this schedule").main, Option.all],
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr schedule history mark_overdue", "did it run last night?")])

    private static let schedule = Option.required("id", .text("SCHEDULE"), "the name of the schedule").main

    public static let scheduleAdd = Verb(
        "schedule add", "add a schedule to a job, beside the one in its file",
        details: "It fires from now on, while a service runs (batchmgr serve). The next five firings are shown.",
        options: [
            schedule, .required("job", .text("JOB"), "the job of the catalog"),
            .required("cron", .text("EXPR"), "when, as schedule next explains it"),
            .value("timezone", .text("TZ"), "the zone of its fields (default: UTC)"),
            .value(
                "gap", .choice(GapRule.allCases.map(\.rawValue)), "a time that the clocks skip (default: shift)"),
            .value(
                "fold", .choice(FoldRule.allCases.map(\.rawValue)), "a time that they show twice (default: first)"),
            .value(
                "catch-up", .choice(CatchUpRule.allCases.map(\.rawValue)),
                "firings that were missed (default: latest)"),
            .value("catch-up-limit", .number("N"), "how many all makes up for at most (default: 100)"),
            .value(
                "overlap", .choice(OverlapRule.allCases.map(\.rawValue)),
                "a firing while the job of an earlier one is not done (default: skip)"),
            .value(
                "jitter", .text("SPAN"), "delay each firing by a share of this time, always the same for a schedule"),
            .value("window", .text("HH:MM-HH:MM"), "the only time of the day at which the job may begin"),
            .repeated("blackout", .text("DATE"), "no firing on this date, or from DATE..DATE; may be repeated"),
            .repeated("needs", .text("SCHEDULE"), "wait until its job is done; may be repeated"),
            .value("within", .text("SPAN"), "how old that may be, and how long to wait (default: 1d)"),
            .repeated("set", .pair("NAME=VALUE"), "set a parameter of the job; may be repeated"),
            .flag("replace", "replace the one with its name"),
        ],
        topic: .run, role: .operator, trace: .workspace,
        examples: [
            .init(
                "batchmgr schedule add nightly --job mark_overdue --cron \"0 2 * * *\" --timezone Europe/Paris",
                "at two in the morning")
        ])

    public static let scheduleRemove = Verb(
        "schedule remove", "remove a schedule that was added",
        options: [schedule], topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr schedule remove nightly", "it does not fire any more")])

    public static let schedulePause = Verb(
        "schedule pause", "keep a schedule from firing",
        options: [schedule, .required("reason", .text("TEXT"), "why")], topic: .govern, role: .operator,
        trace: .workspace, examples: [.init("batchmgr schedule pause nightly --reason \"month end\"", "for a while")])

    public static let scheduleResume = Verb(
        "schedule resume", "let a schedule fire again, from now on",
        options: [schedule], topic: .govern, role: .operator, trace: .workspace,
        examples: [.init("batchmgr schedule resume nightly", "firings in between are not made up for")])

    public static let scheduleTrigger = Verb(
        "schedule trigger", "queue the job of a schedule now",
        options: [schedule], topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr schedule trigger nightly", "tonight's run, now")])

    public static let scheduleBackfill = Verb(
        "schedule backfill", "queue the firings of a span of time that did not happen",
        details: """
            A job with the parameter scheduled_for is given the time of each. What has fired does not fire again, however often \
            this is called.
            """,
        options: [
            schedule, .required("from", .text("TIME"), "the first time, e.g. 2026-11-21T00:00, in UTC"),
            .required("to", .text("TIME"), "the last time"),
            .flag("dry-run", "only say how many there are"),
        ],
        topic: .run, role: .operator, trace: .workspace,
        examples: [
            .init(
                "batchmgr schedule backfill nightly --from 2026-11-01T00:00 --to 2026-11-08T00:00 --yes",
                "make up for a week")
        ])
}

extension ParsedArguments {
    /// - Throws: `ERR_UX_USAGE`.
    fileprivate func span(_ name: String) throws(BatchError) -> Duration? {
        guard let text = value(name) else { return nil }
        guard let span = Duration(text: text) else {
            throw .usage("--\(name) '\(text)' is not a duration like 30s or 2h", verb)
        }
        return span
    }

    fileprivate func time(_ name: String, now: Timestamp) throws(BatchError) -> Timestamp {
        let text = try required(name)
        guard let time = Timestamp(text: text, now: now) else {
            throw .usage("--\(name) '\(text)' is not a time like 2026-11-21T02:00", verb)
        }
        return time
    }
}

extension ScheduleDefinition {
    /// `schedule add`
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        self.init(cron: try arguments.required("cron"), timezone: arguments.value("timezone") ?? "UTC")
        gap = try arguments.choice("gap") ?? gap
        fold = try arguments.choice("fold") ?? fold
        catchUp = try arguments.choice("catch-up") ?? catchUp
        overlap = try arguments.choice("overlap") ?? overlap
        catchUpLimit = arguments.number("catch-up-limit") ?? catchUpLimit
        guard (1...10_000).contains(catchUpLimit) else {
            throw .usage("--catch-up-limit is 1 to 10000", arguments.verb)
        }
        jitter = try arguments.span("jitter")
        within = try arguments.span("within") ?? within
        needs = arguments.values("needs")
        tenant = arguments.globals.tenant
        assignments = arguments.values("set")
        if let text = arguments.value("window") {
            guard let window = DayWindow(text) else {
                throw .usage("--window '\(text)' is not two times of the day like 22:00-06:00", arguments.verb)
            }
            self.window = window
        }
        for text in arguments.values("blackout") {
            guard let span = DateSpan(text) else {
                throw .usage(
                    "--blackout '\(text)' is not a date like 2026-12-25, nor two with .. between", arguments.verb)
            }
            blackout.append(span)
        }
    }
}

/// `schedule next`
public struct ScheduleNextRequest: Hashable, Sendable {
    public let job: String?
    public let cron: String?
    public let timezone: String?
    public let gap: GapRule?
    public let fold: FoldRule?
    public let from: Timestamp?
    public let count: Int

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments, now: Timestamp) throws(BatchError) {
        try arguments.allowOne(of: ["id", "cron"])
        job = arguments.value("id")
        cron = arguments.value("cron")
        guard job != nil || cron != nil else { throw .missing("--id JOB or --cron EXPR", of: arguments.verb) }
        timezone = arguments.value("timezone")
        gap = try arguments.choice("gap")
        fold = try arguments.choice("fold")
        from = try arguments.value("from").map { (text) throws(BatchError) in
            guard let time = Timestamp(text: text, now: now) else {
                throw .usage("--from '\(text)' is not a time like 2026-11-21T02:00", arguments.verb)
            }
            return time
        }
        count = arguments.number("count") ?? 5
        guard (1...1_000).contains(count) else { throw .usage("--count is 1 to 1000", arguments.verb) }
    }

    /// The schedule that is asked about, with what the command line says instead.
    func schedule(of job: String, _ declared: ScheduleDefinition?) throws(BatchError) -> ScheduleDefinition {
        guard let declared else {
            throw BatchError(
                .usage, "job \(job) has no schedule",
                hint: "give it one, e.g. schedule: {cron: \"0 2 * * *\", timezone: Europe/Paris}")
        }
        return changed(declared)
    }

    /// That of the expression alone.
    func schedule() -> ScheduleDefinition { changed(ScheduleDefinition(cron: cron ?? "")) }

    private func changed(_ declared: ScheduleDefinition) -> ScheduleDefinition {
        var schedule = declared
        if let timezone { schedule.timezone = timezone }
        if let gap { schedule.gap = gap }
        if let fold { schedule.fold = fold }
        return schedule
    }
}

extension Command {
    static let scheduleNext = Command(.scheduleNext) { (arguments, call) throws(BatchError) in
        let request = try ScheduleNextRequest(arguments, now: call.work.now())
        let after = request.from ?? call.work.now()
        let report: ScheduleNextReport
        if let name = request.job {
            let catalog = try call.workspace().loadCatalog(StepRegistry.builtIn.rules())
            let declared = catalog.jobs.first { $0.id == name }?.schedule
            if declared == nil, let known = try call.schedules().definition(named: name) {
                report = try request.schedule(of: known.job, known.schedule)
                    .preview(job: known.job, after: after, count: request.count)
            } else {
                let job = try catalog.job(named: name)
                report = try request.schedule(of: job.id, job.schedule)
                    .preview(job: job.id, after: after, count: request.count)
            }
        } else {
            report = try request.schedule().preview(job: nil, after: after, count: request.count)
        }
        try call.output.show(report)
        return .done
    }

    static let scheduleList = Command(.scheduleList) { (_, call) throws(BatchError) in
        try call.output.show(try call.schedules().list())
        return .done
    }
}

extension Call {
    fileprivate func schedules() throws(BatchError) -> Schedules { Schedules(try workspace(), context: work) }
}

extension Command {
    static let scheduleHistory = Command(.scheduleHistory) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.schedules().history(arguments.value("id"), limit: 1_000))
        return .done
    }

    static let scheduleAdd = Command(.scheduleAdd) { (arguments, call) throws(BatchError) in
        try call.requireKnownTenant(mayBeNew: true)
        let report = try call.schedules().add(
            try arguments.required("id"), job: try arguments.required("job"), try ScheduleDefinition(arguments),
            replacing: arguments.has("replace"))
        try call.output.show(report)
        return .done
    }

    static let scheduleRemove = Command(.scheduleRemove) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.schedules().remove(try arguments.required("id")))
        return .done
    }

    static let schedulePause = Command(.schedulePause) { (arguments, call) throws(BatchError) in
        let reason = try arguments.required("reason")
        try call.output.show(try call.schedules().pause(try arguments.required("id"), reason: reason))
        return .done
    }

    static let scheduleResume = Command(.scheduleResume) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.schedules().resume(try arguments.required("id")))
        return .done
    }

    static let scheduleTrigger = Command(.scheduleTrigger) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.schedules().trigger(try arguments.required("id")))
        return .done
    }

    static let scheduleBackfill = Command(.scheduleBackfill) { (arguments, call) throws(BatchError) in
        let (name, now) = (try arguments.required("id"), call.work.now())
        let schedules = try call.schedules()
        let instants = try schedules.gaps(
            name, from: try arguments.time("from", now: now), to: try arguments.time("to", now: now))
        let isDryRun = arguments.has("dry-run")
        if isDryRun || instants.isEmpty {
            try call.output.show(
                ScheduleChangeReport(
                    .backfilled, name: name, next: nil, missing: instants.count, isDryRun: isDryRun))
            return .done
        }
        guard
            try Confirmation.ask(
                "Queue \(Figures.count(instants.count, "firing")) of \(name)?", call)
        else {
            throw BatchError(.usage, "nothing was queued", hint: "")
        }
        try call.output.show(try schedules.backfill(name, instants))
        return .done
    }
}

extension [JobDefinition] {
    /// Their schedules, with the next firings.
    func schedules(after time: Timestamp, count: Int) throws(BatchError) -> [ScheduleNextReport] {
        var previews: [ScheduleNextReport] = []
        for job in self {
            guard let schedule = job.schedule else { continue }
            previews.append(try schedule.preview(job: job.id, after: time, count: count))
        }
        return previews
    }
}

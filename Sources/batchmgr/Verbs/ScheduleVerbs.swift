internal import BatchCatalog
public import BatchCore
internal import BatchEngine
internal import BatchService

extension Verb {
    public static let scheduleNext = Verb(
        "schedule next", "show when a job or a cron expression fires next",
        details: """
            Five cron fields, or six with seconds before them, with names, ranges, steps, lists, L, W and #; or a word: @hourly, \
            @daily, @nightly, @weekly, @monthly, @yearly. A time that the clocks of the zone leave out comes right after the gap, \
            and one that they show twice comes once; an expression with * for the minute or the hour goes by the clock.
            """,
        options: [
            .value("id", .text("JOB"), "a job of the catalog with a schedule").main,
            .value("cron", .text("EXPR"), "this expression"),
            .value("timezone", .text("TZ"), "the zone of its fields, e.g. Europe/Paris (default: the job's, or UTC)"),
            .value(
                "gap", .choice(GapRule.allCases.map(\.rawValue)), "a time that the clocks leave out (default: shift)"),
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

    /// The schedule that is asked about: the job's, with what the command line says instead.
    func schedule(_ job: JobDefinition?) throws(BatchError) -> ScheduleDefinition {
        var schedule: ScheduleDefinition
        if let job {
            guard let declared = job.schedule else {
                throw BatchError(
                    .usage, "job \(job.id) has no schedule",
                    hint: "give it one, e.g. schedule: {cron: \"0 2 * * *\", timezone: Europe/Paris}")
            }
            schedule = declared
        } else {
            schedule = ScheduleDefinition(cron: cron ?? "")
        }
        if let timezone { schedule.timezone = timezone }
        if let gap { schedule.gap = gap }
        if let fold { schedule.fold = fold }
        return schedule
    }
}

extension Command {
    static let scheduleNext = Command(.scheduleNext) { (arguments, call) throws(BatchError) in
        let request = try ScheduleNextRequest(arguments, now: call.work.now())
        let job = try request.job.map { (name) throws(BatchError) in
            try call.workspace().loadCatalog(StepRegistry.builtIn.rules()).job(named: name)
        }
        let report = try request.schedule(job)
            .preview(job: job?.id, after: request.from ?? call.work.now(), count: request.count)
        try call.output.show(report)
        return .done
    }

    static let scheduleList = Command(.scheduleList) { (_, call) throws(BatchError) in
        let catalog = try call.workspace().loadCatalog(StepRegistry.builtIn.rules())
        try call.output.show(
            ScheduleListReport(schedules: try catalog.jobs.schedules(after: call.work.now(), count: 1)))
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

internal import BatchCore
internal import BatchEngine

/// `/api/schedules/…`: the verbs of the schedules.
enum ScheduleRoutes {
    private static let name = Parameter.job("id", "the name of a schedule")

    private static let cron = Parameter.text("cron", "five or six cron fields, or @daily and the like")
    private static let count = Parameter("count", .integer(1...100), "how many (default: 5)")
    private static let after = Parameter.text("from", "what comes after this time, in UTC (default: now)")
    private static let zone: [Parameter] = [
        .text("timezone", "the zone of its fields, e.g. Europe/Paris (default: UTC)"),
        .choice("gap", GapRule.self, "a time that the clocks leave out (default: shift)"),
        .choice("fold", FoldRule.self, "a time that they show twice (default: first)"),
    ]
    private static let rules: [Parameter] = [
        .choice("catch_up", CatchUpRule.self, "firings that were missed (default: latest)"),
        Parameter("catch_up_limit", .integer(1...10_000), "how many all makes up for at most (default: 100)"),
        .choice("overlap", OverlapRule.self, "a firing while the job of an earlier one is not done (default: skip)"),
        .span("jitter", "put each firing off by a part of this, always the same part"),
        Parameter(
            "window", .text(pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"),
            "the only time of the day at which the job may begin"),
        Parameter(
            "blackout",
            .texts(pattern: "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"),
            "no firing on these dates; a span is written with .. between its first and its last date"),
        Parameter(
            "needs", .texts(pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$"), "wait until the jobs of these schedules are done"
        ),
        .span("within", "how old that may be, and how long to wait (default: 1d)"),
    ]

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/schedules", name: "listSchedules",
            summary: "The schedules, each with its next firing", access: .role(.viewer), hasTenants: false,
            answer: .report(["schedules"]),
            perform: { (call) throws(BatchError) in call.report(try call.schedules().list()) }),
        Route(
            method: .get, path: "/api/schedules/history", name: "listAllFirings",
            summary: "What happened to each firing of all schedules, the latest first", access: .role(.viewer),
            hasTenants: false, query: [.limit], answer: .report(["firings"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.schedules().history(nil, limit: call.number("limit") ?? 1_000))
            }),
        Route(
            method: .get, path: "/api/schedules/next", name: "tryExpression",
            summary: "When an expression fires, for which there need be no schedule", access: .role(.viewer),
            hasTenants: false, query: [cron.required] + zone + [after, count],
            answer: .report(["cron", "timezone", "times", "local"]),
            perform: { (call) throws(BatchError) in
                let time = call.value("from") == nil ? call.context.now() : try call.time("from")
                return call.report(
                    try call.firings().preview(job: nil, after: time, count: call.number("count") ?? 5))
            }),
        Route(
            method: .post, path: "/api/schedules", name: "addSchedule",
            summary: "Add a schedule to a job, beside the one in its file; it fires from now on",
            access: .role(.operator), hasTenants: false, action: "schedule add",
            body: [.job("name", "what it is called").required, .job().required, cron.required] + zone + rules
                + [
                    Parameter("set", .assignments, "parameters of the job"),
                    Parameter("tenant", Parameter.tenant.shape, "the tenant that the job runs for"),
                    Parameter("replace", .boolean, "replace the one with its name"),
                ],
            answer: .report(["schedule"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.schedules().add(
                        try call.required("name"), job: try call.required("job"), try call.definition(),
                        replacing: call.flag("replace")))
            }),
        Route(
            method: .post, path: "/api/schedules/{id}/remove", name: "removeSchedule",
            summary: "Remove a schedule that was added", access: .role(.operator), hasTenants: false,
            action: "schedule remove", places: [name], answer: .report(["schedule"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.schedules().remove(try call.required("id")))
            }),
        Route(
            method: .get, path: "/api/schedules/{id}/history", name: "listFirings",
            summary: "What happened to each firing of a schedule, the latest first", access: .role(.viewer),
            hasTenants: false, places: [name], query: [.limit], answer: .report(["firings"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.schedules().history(try call.required("id"), limit: call.number("limit") ?? 1_000))
            }),
        Route(
            method: .get, path: "/api/schedules/{id}/next", name: "listNextFirings",
            summary: "The next firings of a schedule, in UTC and in its zone", access: .role(.viewer),
            hasTenants: false, places: [name],
            query: [count],
            answer: .report(["cron", "timezone", "times", "local"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.schedules().next(try call.required("id"), count: call.number("count") ?? 5))
            }),
        Route(
            method: .post, path: "/api/schedules/{id}/pause", name: "pauseSchedule",
            summary: "Keep a schedule from firing",
            access: .role(.operator), hasTenants: false, action: "schedule pause", places: [name], body: [.reason],
            answer: .report(["schedule"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.schedules().pause(try call.required("id"), reason: try call.required("reason")))
            }),
        Route(
            method: .post, path: "/api/schedules/{id}/resume", name: "resumeSchedule",
            summary: "Let a schedule fire again, from now on", access: .role(.operator), hasTenants: false,
            action: "schedule resume", places: [name], answer: .report(["schedule"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.schedules().resume(try call.required("id")))
            }),
        Route(
            method: .post, path: "/api/schedules/{id}/trigger", name: "triggerSchedule",
            summary: "Queue the job of a schedule now", access: .role(.operator), hasTenants: false,
            action: "schedule trigger", places: [name], answer: .report(["schedule"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.schedules().trigger(try call.required("id")))
            }),
        Route(
            method: .post, path: "/api/schedules/{id}/backfill", name: "backfillSchedule",
            summary: "Queue the firings of a span of time that did not happen", access: .role(.operator),
            hasTenants: false, action: "schedule backfill", places: [name],
            body: [
                .text("from", "the first time, in UTC").required, .text("to", "the last time, in UTC").required,
                .dryRun,
            ],
            answer: .report(["schedule"]), perform: backfill),
    ]

    private static func backfill(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let (schedules, name) = (call.schedules(), try call.required("id"))
        let instants = try schedules.gaps(name, from: try call.time("from"), to: try call.time("to"))
        let isDryRun = call.flag("dry_run")
        guard !isDryRun, !instants.isEmpty else {
            return call.report(
                ScheduleChangeReport(
                    .backfilled, name: name, next: nil, missing: instants.count, isDryRun: isDryRun))
        }
        return call.report(try schedules.backfill(name, instants))
    }
}

extension APICall {
    fileprivate func schedules() -> Schedules { Schedules(api.workspace, context: context) }

    /// When the expression of the call fires.
    fileprivate func firings() throws(BatchError) -> ScheduleDefinition {
        var definition = ScheduleDefinition(cron: try required("cron"), timezone: value("timezone") ?? "UTC")
        definition.gap = choice("gap") ?? definition.gap
        definition.fold = choice("fold") ?? definition.fold
        return definition
    }

    /// The schedule that the call describes, as `schedule add` reads it.
    fileprivate func definition() throws(BatchError) -> ScheduleDefinition {
        var definition = try firings()
        definition.catchUp = choice("catch_up") ?? definition.catchUp
        definition.overlap = choice("overlap") ?? definition.overlap
        definition.catchUpLimit = number("catch_up_limit") ?? definition.catchUpLimit
        definition.jitter = try span("jitter")
        definition.within = try span("within") ?? definition.within
        definition.needs = texts("needs")
        definition.tenant = tenant
        definition.assignments = assignments
        if let text = value("window") {
            guard let window = DayWindow(text) else {
                throw BatchError(
                    .usage, "'window' is not two times of the day", hint: "write it as 22:00-06:00")
            }
            definition.window = window
        }
        definition.blackout = try texts("blackout").map { (text) throws(BatchError) in
            if let span = DateSpan(text) { return span }
            throw BatchError(
                .usage, "'\(text)' in 'blackout' is not a date, nor two with .. between",
                hint: "write it as 2026-12-25 or 2026-12-24..2027-01-01")
        }
        return definition
    }
}

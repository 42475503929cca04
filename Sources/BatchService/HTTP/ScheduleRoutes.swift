internal import BatchCore
internal import BatchEngine

/// `/api/schedules/…`: the verbs of the schedules.
enum ScheduleRoutes {
    private static let name = Parameter.job("id", "the name of a schedule")

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/schedules", name: "listSchedules",
            summary: "The schedules, each with its next firing", access: .role(.viewer), hasTenants: false,
            answer: .report(["schedules"]),
            perform: { (call) throws(BatchError) in call.report(try call.schedules().list()) }),
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
            query: [Parameter("count", .integer(1...100), "how many (default: 5)")],
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
        guard !call.flag("dry_run"), !instants.isEmpty else {
            return call.report(ScheduleChangeReport(.backfilled, name: name, next: nil, missing: instants.count))
        }
        return call.report(try schedules.backfill(name, instants))
    }
}

extension APICall {
    fileprivate func schedules() -> Schedules { Schedules(api.workspace, context: context) }

    fileprivate func time(_ name: String) throws(BatchError) -> Timestamp {
        let text = try required(name)
        if let time = Timestamp(text: text, now: context.now()) { return time }
        throw BatchError(.usage, "'\(name)' is not a time", hint: "write it as 2026-11-21T02:00Z")
    }
}

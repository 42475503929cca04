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
            summary: "What has become of the firings of a schedule, the latest first", access: .role(.viewer),
            hasTenants: false, places: [name], query: [.limit], answer: .report(["firings"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.schedules().history(try call.required("id"), limit: call.number("limit") ?? 1_000))
            }),
        Route(
            method: .post, path: "/api/schedules/{id}/pause", name: "pauseSchedule", summary: "Let a schedule not fire",
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
    ]
}

extension APICall {
    fileprivate func schedules() -> Schedules { Schedules(api.workspace, context: context) }
}

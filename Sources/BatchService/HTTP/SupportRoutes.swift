internal import BatchCore
internal import BatchEngine

/// `/api/support`: looking at a tenant on its behalf.
enum SupportRoutes {
    private static let session = Parameter("number", .integer(1...Int.max >> 10), "the number of a session")

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/support", name: "listSupport", summary: "Support sessions",
            access: .role(.support), hasTenants: false, answer: .report(["sessions"]),
            perform: { (call) throws(BatchError) in call.report(try call.support().list()) }),
        Route(
            method: .post, path: "/api/support", name: "openSupport",
            summary: "Open a support session; the answer is the only place where its token is shown",
            access: .role(.support), hasTenants: false, action: "support open",
            body: [
                Parameter("tenant", Parameter.tenant.shape, "the tenant").required, .reason,
                .span("for", "how long, at most 4h (default: 30m)"),
                Parameter("write", .boolean, "change things too, once somebody else has approved it"),
            ],
            answer: .report(["session", "token"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.support().open(
                        SupportRequest(
                            tenant: try call.required("tenant"), reason: try call.required("reason"),
                            life: try call.span("for"), wantsWrite: call.flag("write"))))
            }),
        Route(
            method: .post, path: "/api/support/{number}/approve", name: "approveSupport",
            summary: "Let a session of somebody else change things", access: .role(.approver), hasTenants: false,
            action: "support approve", places: [session], answer: .report(["session"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.support().approve(Int64(try call.required("number")) ?? 0))
            }),
        Route(
            method: .post, path: "/api/support/{number}/end", name: "endSupport", summary: "End a support session",
            access: .role(.support), hasTenants: false, action: "support end", places: [session],
            answer: .report(["session"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.support().end(Int64(try call.required("number")) ?? 0))
            }),
    ]
}

extension APICall {
    fileprivate func support() throws(BatchError) -> Support { try Support(api.workspace, context: context) }
}

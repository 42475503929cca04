internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchEngine
internal import BatchHealing

/// `/api/incidents/…`, `/api/runbooks/…`: what went wrong, and what is done about it.
enum IncidentRoutes {
    private static let incident = Parameter(
        "id", .text(pattern: "^incident[.][1-9][0-9]{0,8}$"), "an incident")
    private static let runbook = Parameter.job("id", "a runbook")

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/incidents", name: "listIncidents", summary: "The incidents, the latest first",
            access: .role(.viewer),
            query: [.choice("status", Incident.Status.self, "only those"), .limit, .offset],
            answer: .report(["incidents", "total"]), perform: list),
        Route(
            method: .get, path: "/api/incidents/{id}", name: "showIncident",
            summary: "An incident: what happened when, how far it reaches, what may have caused it, what to do",
            access: .role(.viewer), places: [incident], answer: .report(["id", "status"]),
            perform: { (call) throws(BatchError) in
                try answer(call, try call.incidents().incident(try call.required("id")))
            }),
        Route(
            method: .post, path: "/api/incidents", name: "openIncident", summary: "Open an incident by hand",
            access: .role(.operator), hasTenants: false, action: "incident open",
            body: [
                Parameter.text("title", "what is wrong, in one line, without values of rows").required,
                .choice("severity", ContractDefinition.Severity.self, "how bad it is (default: error)"),
                Parameter(
                    "class", .choice(RepairDefinition.classes.map(\.rawValue)), "what it is about (default: DATA)"),
                .job("module", "the module it is about"),
            ],
            answer: .report(["id", "status"]), perform: open),
        Route(
            method: .post, path: "/api/incidents/{id}/ack", name: "acknowledgeIncident",
            summary: "Say that you take care of an incident", access: .role(.operator),
            action: "incident ack", places: [incident], body: [.text("reason", "what you do about it")],
            answer: .report(["id", "status"]),
            perform: { (call) throws(BatchError) in
                try answer(
                    call,
                    try call.incidents().acknowledge(try call.required("id"), reason: call.value("reason")))
            }),
        Route(
            method: .post, path: "/api/incidents/{id}/close", name: "closeIncident", summary: "Close an incident",
            access: .role(.operator), action: "incident close", places: [incident], body: [.reason],
            answer: .report(["id", "status"]),
            perform: { (call) throws(BatchError) in
                try answer(
                    call,
                    try call.incidents().close(
                        try call.required("id"), reason: try call.required("reason")))
            }),
        Route(
            method: .post, path: "/api/incidents/{id}/postmortem", name: "writePostmortem",
            summary: "Write the postmortem of an incident, and deliver it", access: .role(.operator),
            hasTenants: false, action: "incident postmortem", places: [incident],
            body: [
                .text("cause", "why it happened"), .text("prevention", "what keeps it from happening again"),
                .text("owner", "who does what is left (default: you)"), .text("due", "by when"),
            ],
            answer: .report(["incident", "file", "delivered_to"]), perform: postmortem),
        Route(
            method: .post, path: "/api/incidents/{id}/bundle", name: "bundleIncident",
            summary: "Put everything about an incident into one file, without secrets and values of rows",
            access: .role(.operator), hasTenants: false, action: "incident bundle", places: [incident],
            answer: .report(["incident", "file", "sha256", "entries"]), perform: bundle),
        Route(
            method: .get, path: "/api/runbooks", name: "listRunbooks",
            summary: "The runbooks: what to do when something goes wrong", access: .role(.viewer), hasTenants: false,
            answer: .report(["runbooks"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    RunbookReport(runbooks: try RunbookList.load(folder: call.workspace.catalog).valid().runbooks))
            }),
        Route(
            method: .post, path: "/api/runbooks/{id}/run", name: "runRunbook",
            summary:
                "Carry a runbook out: steps of level 1, those of level 2 when they are confirmed, and the checks afterwards",
            access: .role(.admin), action: "runbook run", places: [runbook],
            body: [Parameter("yes", .boolean, "steps of level 2 too")],
            answer: .report(["runbook", "steps", "checklist"]),
            perform: { (call) throws(BatchError) in
                let declared = try RunbookList.load(folder: call.workspace.catalog).valid()
                let run = try RunbookRun(
                    try declared.runbook(named: try call.required("id")), try call.view(), tenant: call.tenant)
                return call.report(try run.perform(isConfirmed: call.flag("yes")))
            }),
    ]

    private static func list(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let filter = IncidentFilter(
            status: call.choice("status"), offset: call.number("offset") ?? 0, limit: call.number("limit") ?? 1_000)
        return call.report(try call.incidents().list(filter))
    }

    private static func answer(_ call: APICall, _ incident: Incident) throws(BatchError) -> HTTPResponse {
        call.report(IncidentReport(incident))
    }

    private static func open(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let session = try call.view()
        let incident = try Incidents(session).open(
            call.value("class").flatMap { ErrorClass(rawValue: $0) } ?? .data, call.choice("severity") ?? .error,
            try call.required("title"), cause: "person:\(session.context.traceID)", tenant: nil,
            module: call.value("module"), batches: [])
        return try answer(call, incident)
    }

    private static func postmortem(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let words = Postmortem.Words(
            cause: call.value("cause"), prevention: call.value("prevention"), owner: call.value("owner"),
            due: call.value("due"), file: nil)
        return call.report(try Postmortem(try Incidents(try call.view())).deliver(try call.required("id"), words))
    }

    private static func bundle(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let metrics = try? Metrics(call.workspace, context: call.context, version: call.api.version).page()
        let more = metrics.map { [IncidentBundle.Entry("metrics.txt", $0)] } ?? []
        return call.report(
            try IncidentBundle(try Incidents(try call.view()), tool: call.api.version)
                .write(try call.required("id"), more, to: nil))
    }
}

extension APICall {
    /// Those of one tenant, when the call is about one.
    fileprivate func incidents() throws(BatchError) -> Incidents { try Incidents(try view(), tenant: tenant) }
}

internal import BatchControl
internal import BatchCore
internal import BatchEngine
internal import BatchHealing
internal import BatchService

extension Verb {
    private static let incident = Option.required("id", .text("INCIDENT"), "the incident").main

    public static let incidentList = Verb(
        "incident list", "list the incidents, the latest first",
        options: [
            .value("status", .choice(Incident.Status.allCases.map(\.rawValue)), "only those"), .all,
        ],
        topic: .heal, role: .viewer, trace: .view,
        examples: [.init("batchmgr incident list --status open", "what is wrong now?")])

    public static let incidentShow = Verb(
        "incident show",
        "show an incident: what happened when, how far it reaches, what may have caused it, what to do",
        options: [incident], topic: .heal, role: .viewer, trace: .view)

    public static let incidentOpen = Verb(
        "incident open", "open an incident by hand",
        options: [
            .required("title", .text("TEXT"), "what is wrong, in one line, without values of rows"),
            .value(
                "severity", .choice(ContractDefinition.Severity.allCases.map(\.rawValue)),
                "how bad it is (default: error)"),
            .value("class", .choice(RepairDefinition.classes.map(\.rawValue)), "what it is about (default: DATA)"),
            .value("module", .text("MODULE"), "the module it is about"),
            .repeated("batch", .text("BATCH"), "a batch that is involved; may be repeated"),
        ],
        topic: .heal, role: .operator, trace: .workspace)

    public static let incidentAck = Verb(
        "incident ack", "say that you take care of an incident",
        options: [incident, .value("reason", .text("TEXT"), "what you do about it")],
        topic: .heal, role: .operator, trace: .workspace)

    public static let incidentClose = Verb(
        "incident close", "close an incident",
        details: "A critical one is closed only when its postmortem has been delivered: incident postmortem.",
        options: [incident, .required("reason", .text("TEXT"), "what was done about it")],
        topic: .heal, role: .operator, trace: .workspace)

    public static let incidentPostmortem = Verb(
        "incident postmortem", "write the postmortem of an incident, and deliver it",
        details: """
            The page has the timeline, the reach, what changed before and the actions. It goes to the targets of notify: \
            that want the event 'incident', and to --to.
            """,
        options: [
            incident, .value("cause", .text("TEXT"), "why it happened"),
            .value("prevention", .text("TEXT"), "what keeps it from happening again"),
            .value("owner", .text("NAME"), "who does what is left (default: you)"),
            .value("due", .text("DATE"), "by when"),
            .value("to", .file("FILE"), "write it there too"),
        ],
        topic: .heal, role: .operator, trace: .workspace,
        examples: [
            .init(
                "batchmgr incident postmortem incident.3 --cause 'wrong index' --to lessons/3.md",
                "deliver it as a file")
        ])

    public static let incidentBundle = Verb(
        "incident bundle", "put everything about an incident into one file, without secrets and values of rows",
        options: [incident, .value("to", .file("FILE"), "the file (default: beside the reports), ends in .tar.zst")],
        topic: .heal, role: .operator, trace: .workspace,
        examples: [.init("batchmgr incident bundle incident.3", "for whoever helps")])
}

extension Command {
    static let incidentList = Command(.incidentList) { (arguments, call) throws(BatchError) in
        try call.output.show(
            try Incidents(try call.view()).list(IncidentFilter(status: try arguments.choice("status"))))
        return .done
    }

    static let incidentShow = Command(.incidentShow) { (arguments, call) throws(BatchError) in
        let incident = try Incidents(try call.view()).incident(try arguments.required("id"))
        try call.output.show(IncidentReport(incident))
        return .done
    }

    static let incidentOpen = Command(.incidentOpen) { (arguments, call) throws(BatchError) in
        let faults = arguments.value("class").flatMap { ErrorClass(rawValue: $0) } ?? .data
        let severity: ContractDefinition.Severity? = try arguments.choice("severity")
        let session = try call.view()
        if let module = arguments.value("module") { try call.names().require(module: module) }
        // What has harmed a tenant may have been a batch of another one.
        let all = (try? Session.view(try call.workspace(), tenant: nil, context: session.context)) ?? session
        let batches = try arguments.values("batch").map { (name) throws(BatchError) in
            try all.show(try BatchReference(name)).summary.batch.description
        }
        let incident = try Incidents(session).open(
            faults, severity ?? .error, try arguments.required("title"),
            cause: "person:\(session.context.traceID)", tenant: call.globals.tenant, module: arguments.value("module"),
            batches: batches,
            actions: batches.map {
                .init(level: 3, text: "undo the batch that is involved", command: "rollback --id \($0)")
            })
        try call.output.show(IncidentReport(incident))
        return .done
    }

    static let incidentAck = Command(.incidentAck) { (arguments, call) throws(BatchError) in
        let incident = try Incidents(try call.view()).acknowledge(
            try arguments.required("id"), reason: arguments.value("reason"))
        try call.output.show(IncidentReport(incident))
        return .done
    }

    static let incidentClose = Command(.incidentClose) { (arguments, call) throws(BatchError) in
        let incident = try Incidents(try call.view()).close(
            try arguments.required("id"), reason: try arguments.required("reason"))
        try call.output.show(IncidentReport(incident))
        return .done
    }

    static let incidentPostmortem = Command(.incidentPostmortem) { (arguments, call) throws(BatchError) in
        let words = Postmortem.Words(
            cause: arguments.value("cause"), prevention: arguments.value("prevention"), owner: arguments.value("owner"),
            due: arguments.value("due"), file: arguments.value("to"))
        let report = try Postmortem(try Incidents(try call.view())).deliver(try arguments.required("id"), words)
        try call.output.show(report)
        return .done
    }

    static let incidentBundle = Command(.incidentBundle) { (arguments, call) throws(BatchError) in
        let version = VersionReport.version
        let metrics = try? Metrics(try call.workspace(), context: call.work, version: version).page()
        let more = metrics.map { [IncidentBundle.Entry("metrics.txt", $0)] } ?? []
        let bundle = IncidentBundle(try Incidents(try call.view()), tool: version)
        try call.output.show(
            try bundle.write(try arguments.required("id"), more, to: arguments.value("to")))
        return .done
    }
}

internal import BatchCore
internal import BatchEngine
internal import BatchHealing

extension Verb {
    public static let rulesList = Verb(
        "rules list", "list the rules: what each judges, and what follows when it fires", topic: .heal, role: .viewer,
        trace: .view)

    public static let rulesTest = Verb(
        "rules test", "show which rules fire in a recorded stream; nothing else happens",
        options: [
            .required("replay", .file("FILE"), "the stream: a JSON object in each line, - for standard input"),
            .value("id", .text("RULE"), "only this rule").main,
        ],
        topic: .heal, role: .viewer, trace: .view,
        examples: [.init("batchmgr rules test --replay yesterday.jsonl", "what would have been noticed?")])

    public static let rulesCheck = Verb(
        "rules check", "apply the rules to what happened lately, and do what they say",
        details: """
            It looks at failures, the queue, quotas and the machine. What fires opens an incident, holds back a module or \
            degrades, as the rule says, and carries out the repair job that the rule names. Exit 1 when something fired.
            """,
        options: [.flag("documents", "only rules about documents; `serve` does this every minute")],
        topic: .heal, role: .operator, trace: .workspace)

    private static let circuit = Option.required("name", .text("CIRCUIT"), "the circuit").main

    public static let circuitList = Verb(
        "circuit list", "show which programs and plugins are not called because they failed too often", topic: .heal,
        role: .viewer, trace: .view)

    public static let circuitOpen = Verb(
        "circuit open", "stop calling something until the circuit is closed",
        options: [circuit, .required("reason", .text("TEXT"), "why; it is shown to everybody who is refused")],
        topic: .heal, role: .admin, trace: .workspace)

    public static let circuitClose = Verb(
        "circuit close", "call something again at once", options: [circuit], topic: .heal, role: .admin,
        trace: .workspace)
}

extension Command {
    static let rulesList = Command(.rulesList) { (_, call) throws(BatchError) in
        try call.output.show(try Rules(try call.view()).list())
        return .done
    }

    static let rulesTest = Command(.rulesTest) { (arguments, call) throws(BatchError) in
        let stream = try TextFile.read(try arguments.required("replay"), option: "replay")
        try call.output.show(try Rules(try call.view()).test(stream, rule: arguments.value("id")))
        return .done
    }

    static let rulesCheck = Command(.rulesCheck) { (arguments, call) throws(BatchError) in
        let (workspace, context) = (try call.workspace(), call.workContext())
        let report = try Rules(try call.view()).check(documents: arguments.has("documents")) {
            (job, tenant) throws(BatchError) in
            var own = context
            own.tenant = tenant
            own.origin = .heal
            return try Session(workspace, database: job.database, tenant: tenant, context: own)
        }
        try call.output.show(report)
        return report.fired?.isEmpty == false ? .stepFailed : .done
    }

    static let circuitList = Command(.circuitList) { (_, call) throws(BatchError) in
        try call.output.show(try Circuits(try call.workspace(), context: call.work).list())
        return .done
    }

    static let circuitOpen = Command(.circuitOpen) { (arguments, call) throws(BatchError) in
        let circuits = Circuits(try call.workspace(), context: call.work)
        try call.output.show(
            try circuits.open(try arguments.required("name"), reason: try arguments.required("reason")))
        return .done
    }

    static let circuitClose = Command(.circuitClose) { (arguments, call) throws(BatchError) in
        let circuits = Circuits(try call.workspace(), context: call.work)
        try call.output.show(try circuits.close(try arguments.required("name")))
        return .done
    }
}

public import BatchCore
internal import BatchEngine

extension Verb {
    public static let switchList = Verb(
        "switch list", "show what is switched, by whom, why and until when",
        details: "With --tenant, switches of other tenants are left out.",
        options: [.flag("history", "every setting there ever was, the latest first")],
        topic: .govern, role: .viewer,
        trace: .view,
        examples: [
            .init("batchmgr switch list", "is anything held back?"),
            .init("batchmgr switch list --history", "who switched what?"),
        ])

    public static let switchSet = Verb(
        "switch set", "hold back everything, a tenant, a module or a job; or release it",
        details: """
            Switches: safe_mode, safe_mode:tenant:T, safe_mode:module:NAME, safe_mode:job:NAME (on, off); auto_heal:CLASS, \
            auto_heal:CLASS:tenant:T, auto_heal:job:NAME, auto_heal:tenant:T (on, off; CLASS is DATA, PERF or SECURITY); \
            module:NAME (on, degraded, off); job:NAME, job:NAME:tenant:T (enabled, disabled); tenant:T (on, isolated); \
            flag:NAME (default, on, off); threshold:RULE.KEY (default, or a number). A wider one that holds back is never \
            lifted by a narrower one. A batch that is running stops at its next checkpoint when it may not go on.
            """,
        options: [
            .required("name", .text("SWITCH"), "the switch").main,
            .required("value", .text("VALUE"), "what to set it to").main,
            .required("reason", .text("TEXT"), "why; it is shown to everybody who is refused"),
            .flag("unknown", "set it even if no job, module or tenant of that name is known"),
            .value("for", .text("TIME"), "how long, e.g. 30m or 2h (default: until it is set again)"),
            .flag("dry-run", "show what it is now and would be, and set nothing"),
        ],
        topic: .govern, role: .admin,
        examples: [
            .init(
                "batchmgr switch set --name safe_mode --value on --reason \"month end\" --for 8h",
                "plans only, until the evening"),
            .init(
                "batchmgr switch set --name job:reprice_invoices --value disabled --reason \"wrong index\"",
                "one job does not run"),
        ])

    public static let switchUndo = Verb(
        "switch undo", "set a switch back to its previous value",
        options: [
            .required("name", .text("SWITCH"), "the switch").main,
            .required("reason", .text("TEXT"), "why; kept in the audit"),
        ],
        topic: .govern, role: .admin, trace: .workspace,
        examples: [.init("batchmgr switch undo flag:auto_billing --reason 'wrong flag'", "as it was")])

    private static let module = Option.value("module", .text("MODULE"), "only this module of catalog/modules.yaml")

    public static let degradeOn = Verb(
        "degrade on", "hold back all modules that the application can do without: automatic work waits",
        details: "Modules that are critical in catalog/modules.yaml keep working, and so does what a person begins.",
        options: [module, .required("reason", .text("TEXT"), "why; it is shown to everybody who is refused")],
        topic: .govern, role: .admin, trace: .workspace,
        examples: [.init("batchmgr degrade on --reason 'the disk is nearly full'", "only what is needed")])

    public static let degradeOff = Verb(
        "degrade off", "end degraded mode: each module becomes exactly what it was",
        options: [module, .required("reason", .text("TEXT"), "why; kept in the audit")],
        topic: .govern, role: .admin, trace: .workspace)
}

extension SwitchRequest {
    /// - Throws: `ERR_UX_UNKNOWN_SWITCH`, `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        try self.init(
            name: try arguments.required("name"), value: try arguments.required("value"),
            reason: try arguments.required("reason"), duration: arguments.value("for"),
            mayBeUnknown: arguments.has("unknown"))
    }
}

extension Command {
    static let switchList = Command(.switchList) { (arguments, call) throws(BatchError) in
        try call.requireKnownTenant()
        let switches = try SwitchSetting(try call.workspace(), context: call.work)
        try call.output.show(
            try switches.list(history: arguments.has("history"), tenant: call.globals.tenant))
        return .done
    }

    static let switchSet = Command(.switchSet) { (arguments, call) throws(BatchError) in
        let request = try SwitchRequest(arguments)
        let switches = try SwitchSetting(try call.workspace(), context: call.work)
        try call.output.show(
            try arguments.has("dry-run") ? switches.preview(request) : switches.set(request))
        return .done
    }

    static let switchUndo = Command(.switchUndo) { (arguments, call) throws(BatchError) in
        let switches = try SwitchSetting(try call.workspace(), context: call.work)
        try call.output.show(
            try switches.undo(try arguments.required("name"), reason: try arguments.required("reason")))
        return .done
    }

    static let degradeOn = Command(.degradeOn) { (arguments, call) throws(BatchError) in
        let degradation = try Degradation(try call.workspace(), context: call.work)
        try call.output.show(
            try degradation.begin(module: arguments.value("module"), reason: try arguments.required("reason")))
        return .done
    }

    static let degradeOff = Command(.degradeOff) { (arguments, call) throws(BatchError) in
        let degradation = try Degradation(try call.workspace(), context: call.work)
        try call.output.show(
            try degradation.end(module: arguments.value("module"), reason: try arguments.required("reason")))
        return .done
    }
}

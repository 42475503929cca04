internal import BatchCore
internal import BatchEngine

extension Verb {
    static let supportOpen = Verb(
        "support open", "look at a tenant on its behalf over HTTP, for a short time",
        details: """
            Shows a token, this once. It sees only the tenant, and only reads; with --write it changes things too, \
            once somebody else has approved that. Everything that is done with it, also each read, is a row in the \
            audit of the tenant, with your name and on_behalf_of. It ends by itself, and opens no other session.
            """,
        options: [
            .required("reason", .text("TEXT"), "why"),
            .value("for", .text("TIME"), "how long, at most 4h (default: 30m)"),
            .flag("write", "change things too, once somebody else has approved it"),
        ],
        topic: .govern, role: .support, trace: .workspace,
        examples: [
            .init(
                "batchmgr support open --tenant acme --reason \"ticket 4711\"",
                "look at the rows of acme for 30 minutes")
        ])

    static let supportList = Verb(
        "support list", "show support sessions: who looks at which tenant, and why", topic: .govern, role: .support,
        trace: .view, examples: [.init("batchmgr support list", "who looks at whom?")])

    static let supportApprove = Verb(
        "support approve", "let the support session of somebody else change things",
        options: [.required("id", .text("SESSION"), "the session").main], topic: .govern, role: .approver,
        trace: .workspace,
        examples: [.init("batchmgr support approve support.3", "it may run and undo batches of its tenant")])

    static let supportEnd = Verb(
        "support end", "end a support session before its time",
        options: [.required("id", .text("SESSION"), "the session").main], topic: .govern, role: .support,
        trace: .workspace, examples: [.init("batchmgr support end support.3", "its token is no longer valid")])
}

extension Command {
    static let supportOpen = Command(.supportOpen) { (arguments, call) throws(BatchError) in
        guard let tenant = call.globals.tenant else {
            throw BatchError(
                .usage, "support open needs --tenant TENANT",
                hint: "name the tenant: \(command: "support open --tenant TENANT --reason TEXT")")
        }
        try call.names().require(tenant: tenant)
        let life = arguments.value("for").map { Duration(text: $0) }
        if case .some(nil) = life { throw .usage("--for is not a duration like 30m or 2h", arguments.verb) }
        let request = try SupportRequest(
            tenant: tenant, reason: try arguments.required("reason"), life: life ?? nil,
            wantsWrite: arguments.has("write"))
        try call.output.show(try call.support().open(request))
        return .done
    }

    static let supportList = Command(.supportList) { (_, call) throws(BatchError) in
        try call.output.show(try call.support().list())
        return .done
    }

    static let supportApprove = Command(.supportApprove) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.support().approve(try arguments.session()))
        return .done
    }

    static let supportEnd = Command(.supportEnd) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.support().end(try arguments.session()))
        return .done
    }
}

extension Call {
    fileprivate func support() throws(BatchError) -> Support { try Support(try workspace(), context: work) }
}

extension ParsedArguments {
    /// Of `support.3`, or 3.
    fileprivate func session() throws(BatchError) -> Int64 {
        let text = try required("id")
        let digits = text.hasPrefix(SupportSession.prefix) ? text.dropFirst(SupportSession.prefix.count) : text[...]
        guard let number = Int64(digits), number > 0 else {
            throw .usage("'\(text)' is not a session like support.3", verb)
        }
        return number
    }
}

extension SupportReport: TextReport {
    func text(_ style: Style, width: Int) -> String {
        let what =
            "\(session.name)  \(session.state(at: now).rawValue)  \(session.tenant)  until \(session.expiresAt.seconds)\n"
        guard let secret else { return what }
        return "\(secret)\n\(what)"
            + style.next(
                session.wantsWrite
                    ? "it can only read until somebody else approves it: \(command: "support approve \(session.name)")"
                    : "this is the only time that the token is shown")
    }
}

extension SupportListReport: TextReport {
    func text(_ style: Style, width: Int) -> String {
        if sessions.isEmpty { return "no support sessions\n" }
        var table = TextTable([
            ("SESSION", .left), ("STATE", .left), ("TENANT", .left), ("PERSON", .left), ("UNTIL", .left), ("", .left),
            ("REASON", .left),
        ])
        for session in sessions {
            table.append([
                session.name, session.state(at: now).rawValue, Printable.text(session.tenant),
                Printable.text(session.person), session.expiresAt.seconds, session.role == .operator ? "writes" : "",
                Printable.text(session.reason),
            ])
        }
        return table.text(style)
    }
}

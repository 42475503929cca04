internal import BatchCore
internal import BatchEngine
internal import BatchService

extension Verb {
    static let tokenCreate = Verb(
        "token create", "make a token that identifies somebody over HTTP",
        details: """
            The token is shown once; what is kept is its hash. Whoever uses it is the actor of what is done: give it the name of \
            the person, so that nobody approves over HTTP what they have proposed at the terminal.
            """,
        options: [
            .required("name", .text("NAME"), "the name of the token").main,
            .required("role", .choice(Role.allCases.map(\.rawValue)), "what it may do"),
            .value("person", .text("PERSON"), "who uses it (default: its name)"),
            .value("expires", .text("TIME"), "how long it is valid, e.g. 30d (default: until it is revoked)"),
        ],
        topic: .govern, role: .admin, trace: .workspace,
        examples: [
            .init("batchmgr token create ann --role operator --expires 90d", "ann may run and undo over HTTP"),
            .init("batchmgr token create acme-app --role viewer --tenant acme", "sees only the rows of acme"),
        ])

    static let tokenList = Verb(
        "token list", "show the tokens, without their secrets", topic: .govern, role: .admin, trace: .view,
        examples: [.init("batchmgr token list", "who is known over HTTP?")])

    static let tokenRevoke = Verb(
        "token revoke", "revoke a token",
        options: [
            .required("name", .text("NAME"), "the name of the token").main,
            .required("reason", .text("TEXT"), "why"),
        ],
        topic: .govern, role: .admin, trace: .workspace,
        examples: [.init("batchmgr token revoke ann --reason \"laptop lost\"", "refused from now on")])

    static let openapi = Verb(
        "openapi", "print what can be called over HTTP, as OpenAPI 3.1",
        details: "A service answers with the same document at /openapi.yaml.", topic: .tool, role: nil, trace: .none,
        examples: [.init("batchmgr openapi > openapi.yaml", "for a program that makes clients of it")])
}

extension Command {
    static let tokenCreate = Command(.tokenCreate) { (arguments, call) throws(BatchError) in
        guard let role: Role = try arguments.choice("role") else { throw .missing("--role ROLE", of: arguments.verb) }
        try call.requireKnownTenant(mayBeNew: true)
        let life = arguments.value("expires").map { Duration(text: $0) }
        if case .some(nil) = life { throw .usage("--expires is not a duration like 12h or 30d", arguments.verb) }
        let request = try TokenRequest(
            name: try arguments.required("name"), person: arguments.value("person"), role: role,
            tenant: call.globals.tenant, life: life ?? nil)
        var work = call.work
        // The token is for the tenant; making it is about the workspace.
        work.tenant = nil
        try call.output.show(try AccessTokens(try call.workspace(), context: work).create(request))
        return .done
    }

    static let tokenList = Command(.tokenList) { (_, call) throws(BatchError) in
        try call.output.show(try AccessTokens(try call.workspace(), context: call.work).list())
        return .done
    }

    static let tokenRevoke = Command(.tokenRevoke) { (arguments, call) throws(BatchError) in
        let reason = try arguments.required("reason")
        let tokens = try AccessTokens(try call.workspace(), context: call.work)
        try call.output.show(try tokens.revoke(try arguments.required("name"), reason: reason))
        return .done
    }

    static let openapi = Command(.openapi) { (_, call) throws(BatchError) in
        try call.output.show(SchemaReport(schema: OpenAPI.document), text: OpenAPI.yaml)
        return .done
    }
}

extension TokenReport: TextReport {
    func text(_ style: Style, width: Int) -> String {
        guard let secret else { return "\(Printable.text(token.name)) is revoked.\n" }
        let who = token.person == token.name ? "" : " for \(Printable.text(token.person))"
        return "\(secret)\n"
            + style.next(
                "this is the only time that it is shown: token \(Printable.text(token.name))\(who), \(token.role.rawValue)"
            )
    }
}

extension TokenListReport: TextReport {
    func text(_ style: Style, width: Int) -> String {
        if tokens.isEmpty {
            return style.next("there is no token: \(command: "token create --name NAME --role ROLE")")
        }
        var table = TextTable([
            ("NAME", .left), ("PERSON", .left), ("ROLE", .left), ("TENANT", .left), ("EXPIRES", .left), ("", .left),
        ])
        for token in tokens {
            let ended =
                token.revokedBy.map { style.bad("revoked by \(Printable.text($0))") }
                ?? (token.counts(at: now) ? "" : style.bad("expired"))
            table.append([
                Printable.text(token.name), Printable.text(token.person), token.role.rawValue,
                token.tenant.map { Printable.text($0) } ?? "", token.expiresAt?.seconds ?? "", ended,
            ])
        }
        return table.text(style)
    }
}

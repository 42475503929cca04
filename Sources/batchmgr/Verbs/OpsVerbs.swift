public import BatchCore
public import BatchEngine

extension Verb {
    public static let opsList = Verb(
        "ops list", "show the target for requests, the trusted keys and the latest requests",
        topic: .govern, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr ops list", "whose signature counts?")])

    public static let opsKeygen = Verb(
        "ops keygen", "make an Ed25519 key that signs requests",
        details: "The private key is for its owner alone (mode 0600). FILE.pub is for 'ops trust'.",
        options: [
            .required("name", .text("NAME"), "whose key it is").main,
            .required("to", .file("FILE"), "the private key; the public one has .pub added to its name"),
        ],
        topic: .govern, role: nil,
        trace: .none,
        examples: [.init("batchmgr ops keygen --name ann --to ann.key", "at ann's own machine")])

    public static let opsTrust = Verb(
        "ops trust", "accept the requests that a key signs in this workspace",
        details: """
            With 'roles:' in batchmgr.yaml an admin may do this, otherwise the owner of the workspace's files. A key has \
            one topic: .govern, role: operator runs and rolls back, approver approves plans, admin does both and switches.
            """,
        options: [
            .required("name", .text("NAME"), "the actor of what it signs").main,
            .required("key", .file("FILE"), "the public key, PEM"),
            .required("role", .choice(Role.allCases.map(\.rawValue)), "what it may ask for"),
        ],
        role: .admin,
        examples: [.init("batchmgr ops trust --name ann --key ann.key.pub --role operator", "ann may run and undo")])

    public static let opsRevoke = Verb(
        "ops revoke", "revoke a key",
        options: [
            .required("name", .text("NAME"), "the name it is trusted under").main,
            .required("reason", .text("TEXT"), "why"),
        ],
        topic: .govern, role: .admin,
        examples: [.init("batchmgr ops revoke --name ann --reason \"laptop lost\"", "from now on refused")])

    public static let opsSign = Verb(
        "ops sign", "sign a request to run, roll back, approve or switch",
        details: """
            The request is JSON, e.g. {"action": "run", "job": "reprice_invoices", "tenant": "acme", "set": {"percent": \
            2.5}}. What is signed names the workspace, the database and the time at which it expires, and can be used \
            once.
            """,
        options: [
            .required("request", .file("FILE"), "what to do, JSON").main,
            .required("key", .file("FILE"), "the private key"),
            .required("to", .file("FILE"), "the signed request"),
            .value("expires", .text("TIME"), "how long it is valid, e.g. 30m or 48h (default: 1h; at most 168h)"),
            .value(
                "target", .text("TARGET"), "the target that it is for, as 'ops list' shows it (default: this workspace)"
            ),
        ],
        topic: .govern, role: nil,
        trace: .none,
        examples: [
            .init("batchmgr ops sign --request run.json --key ann.key --to run.signed --expires 15m", "then send it")
        ])

    public static let opsSubmit = Verb(
        "ops submit", "do what a signed request asks for, once",
        details: """
            Its signature, key, role, workspace, database and time are checked first, and that it was not used before. The \
            signer is the actor. Anything else is refused with exit 3, and noted.
            """,
        options: [.required("file", .file("FILE"), "the signed request").main],
        topic: .govern, role: .viewer,
        examples: [.init("batchmgr ops submit --file run.signed", "as ann")])
}

extension OpsKeys.TrustRequest {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        guard let role: Role = try arguments.choice("role") else { throw .missing("--role ROLE", of: arguments.verb) }
        try self.init(name: try arguments.required("name"), key: try arguments.required("key"), role: role)
    }
}

extension OpsKeys.SignRequest {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        let text = arguments.value("expires") ?? "1h"
        guard let life = Duration(text: text), life.wholeMilliseconds <= OpsRequest.longestLife else {
            throw BatchError(
                .usage, "--expires '\(text)' is not a duration up to 7d",
                hint: "write it as 30m, 48h or 7d: --expires 1h")
        }
        self.init(
            request: try arguments.required("request"), key: try arguments.required("key"),
            file: try arguments.required("to"), life: life, target: arguments.value("target"))
    }
}

extension Command {
    static let opsList = Command(.opsList) { (_, call) throws(BatchError) in
        try call.output.show(try OpsKeys(try call.workspace(), context: call.work).list())
        return .done
    }

    static let opsKeygen = Command(.opsKeygen) { (arguments, call) throws(BatchError) in
        try call.output.show(
            try OpsKeys.makeKey(name: try arguments.required("name"), file: try arguments.required("to")))
        return .done
    }

    static let opsTrust = Command(.opsTrust) { (arguments, call) throws(BatchError) in
        let request = try OpsKeys.TrustRequest(arguments)
        try call.output.show(try OpsKeys(try call.workspace(), context: call.work).trust(request))
        return .done
    }

    static let opsRevoke = Command(.opsRevoke) { (arguments, call) throws(BatchError) in
        let keys = try OpsKeys(try call.workspace(), context: call.work)
        let reason = try arguments.required("reason")
        try call.output.show(try keys.revoke(try arguments.required("name"), reason: reason))
        return .done
    }

    static let opsSign = Command(.opsSign) { (arguments, call) throws(BatchError) in
        let request = try OpsKeys.SignRequest(arguments)
        let report = try OpsKeys.sign(request, context: call.work) { () throws(BatchError) in
            try call.workspace()
        }
        try call.output.show(report)
        return .done
    }

    static let opsSubmit = Command(.opsSubmit) { (arguments, call) throws(BatchError) in
        let channel = try OpsChannel(try call.workspace(), context: call.workContext())
        switch try channel.submit(try arguments.required("file")) {
        case .done(let report):
            try call.output.show(report)
            return .done
        case .planned(let report):
            try call.output.show(report)
            return .waitingForApproval
        case .refused(let report):
            try call.output.show(report)
            return report.error.code.exitCode
        }
    }
}

/// Verbs of the signed channel.
extension Verb {
    public static let opsKeygen = Verb(
        "ops keygen", "make an Ed25519 key that signs requests",
        details: "The private key is for its owner alone (mode 0600). FILE.pub is for 'ops trust'.",
        options: [
            .required("name", .text("NAME"), "whose key it is"),
            .required("to", .file("FILE"), "the private key; the public one gets .pub behind it"),
        ],
        trace: .none,
        examples: [.init("batchmgr ops keygen --name ann --to ann.key", "at ann's own machine")])

    public static let opsTrust = Verb(
        "ops trust", "let requests that a key signs count in this workspace",
        details: """
            With 'roles:' in batchmgr.yaml an admin may do this, otherwise the owner of the workspace's files. A key has \
            one role: operator runs and rolls back, approver approves plans, admin does both and switches.
            """,
        options: [
            .required("name", .text("NAME"), "the actor of what it signs"),
            .required("key", .file("FILE"), "the public key, PEM"),
            .required("role", .choice(Role.allCases.map(\.rawValue)), "what it may ask for"),
        ],
        examples: [.init("batchmgr ops trust --name ann --key ann.key.pub --role operator", "ann may run and undo")])

    public static let opsRevoke = Verb(
        "ops revoke", "let a key count no longer",
        options: [
            .required("name", .text("NAME"), "the name it is trusted under"),
            .required("reason", .text("TEXT"), "why"),
        ],
        examples: [.init("batchmgr ops revoke --name ann --reason \"laptop lost\"", "from now on refused")])

    public static let opsSign = Verb(
        "ops sign", "sign a request to run, roll back, approve or switch",
        details: """
            The request is JSON, e.g. {"action": "run", "job": "reprice_invoices", "tenant": "acme", "set": {"percent": \
            2.5}}. What is signed names the workspace, the database and the time at which it expires, and can be used \
            once.
            """,
        options: [
            .required("request", .file("FILE"), "what to do, JSON"),
            .required("key", .file("FILE"), "the private key"),
            .required("to", .file("FILE"), "the signed request"),
            .value("expires", .text("TIME"), "how long it is good, e.g. 30m or 48h (default: 1h; at most 168h)"),
            .value("target", .text("TARGET"), "where it is for, as 'ops list' says (default: this workspace)"),
        ],
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
        options: [.required("file", .file("FILE"), "the signed request")],
        examples: [.init("batchmgr ops submit --file run.signed", "as ann")])

    public static let opsList = Verb(
        "ops list", "show the target for requests, the trusted keys and the latest requests",
        trace: .view,
        examples: [.init("batchmgr ops list", "whose signature counts?")])
}

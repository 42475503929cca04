/// Which role each verb asks for, where a workspace has roles.
public enum VerbRoles {
    /// Nil: everybody may. A verb that is not here would be an admin's alone; a test finds it.
    public static let table: [(role: Role?, verbs: [String])] = [
        (nil, ["init", "version", "help", "completion", "catalog schema", "ops keygen", "ops sign"]),
        (
            .viewer,
            [
                "list", "show", "graph", "diff", "blame", "points", "verify", "doctor", "drift show", "guard show",
                "certificate verify", "catalog list", "catalog show", "catalog validate", "switch list", "ops list",
                "plan list", "plan show", "audit list",
                "audit verify", "audit export", "logs",
                // The signature says who acts, whoever carries the file here.
                "ops submit",
            ]
        ),
        (
            .operator,
            [
                "run", "resume", "stop", "rollback", "restore", "plan apply", "drift adopt", "drift undo", "drill",
                "history compact",
            ]
        ),
        (.approver, ["plan approve", "plan reject"]),
        (.admin, ["switch set", "guard set", "erase", "prune", "ops trust", "ops revoke"]),
    ]

    public static func role(for verb: String) -> Role? {
        guard let entry = table.first(where: { $0.verbs.contains(verb) }) else { return .admin }
        return entry.role
    }
}

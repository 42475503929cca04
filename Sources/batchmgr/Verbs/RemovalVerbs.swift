internal import BatchCore
internal import BatchEngine

extension Verb {
    public static let remove = Verb(
        "remove", "remove batchmgr from a database: ledger, guard, copies and history",
        details: """
            It shows what would go, and asks. Your own tables, files and rows stay as they are. Nothing can be undone or \
            restored any more. What other databases keep in the same folder stays, and so do the catalog, batchmgr.yaml \
            and the program.
            """,
        options: [
            .flag("dry-run", "only show what would go (also: -n)"),
            .flag("all", "name every file (default: the first 20)"),
        ],
        topic: .care, role: .admin, trace: .none,
        examples: [
            .init("batchmgr --db app.db remove --dry-run", "what has batchmgr put there?"),
            .init("batchmgr --db app.db remove", "show it, ask, and remove it"),
        ])

    public static let forgetCopies = Verb(
        "forget-copies", "forget copies of restore points that are lost for good",
        details: """
            For the day after the backups were lost: .bak files and commits that are missing or damaged are no longer \
            listed, so that verify passes again. No file is removed, no row changes, and the undo log stays. It asks, \
            and notes it in the audit. The next batch writes whole copies.
            """,
        options: [
            .flag("dry-run", "only show what would be forgotten (also: -n)"),
            .flag("all", "name every file (default: the first 20)"),
        ],
        topic: .care, role: .admin,
        examples: [.init("batchmgr --db app.db forget-copies", "after the disk with the backups died")])
}

extension Command {
    static let remove = Command(.remove) { (arguments, call) throws(BatchError) in
        let session = try call.session(tenant: .mayBeAnybody)
        let report = try Removal(session).perform(isDryRun: arguments.has("dry-run")) { (plan) throws(BatchError) in
            if !call.globals.isJSON, !call.globals.assumesYes {
                StandardStream.error.tryWrite(plan.text(call.terminal.errorStyle, width: call.terminal.width))
            }
            return try Confirmation.ask("remove all of it for good?", call)
        }
        try call.output.show(report)
        return .done
    }

    static let forgetCopies = Command(.forgetCopies) { (arguments, call) throws(BatchError) in
        call.endAtFirstSignal()
        let copies = ForgottenCopies(try call.session(tenant: .mayBeAnybody))
        let report = try copies.perform(isDryRun: arguments.has("dry-run")) { (plan) throws(BatchError) in
            let what =
                "\(Figures.count(plan.files.count, ".bak file")) and \(Figures.count(plan.commits.count, "commit"))"
            return try Confirmation.ask("forget \(what) for good?", call)
        }
        try call.output.show(report)
        return .done
    }
}

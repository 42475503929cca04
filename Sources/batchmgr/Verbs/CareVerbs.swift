public import BatchCore
public import BatchEngine

extension Verb {
    public static let prune = Verb(
        "prune", "remove .bak files that a policy does not keep",
        details: """
            Commits stay, so every batch can still be undone, and every point restored, from git. A file is also kept \
            when a file that is kept builds on it, and when it is the last whole copy of its point. The reason is \
            printed \
            for each. Undo logs go with the points that are not kept, where git leads back over their batches.
            """,
        options: [
            .value("keep-last", .number("N"), "the N newest points"),
            .value("keep-daily", .number("N"), "the newest point of each of the last N days that have one"),
            .value("keep-weekly", .number("N"), "the same for weeks"),
            .value("keep-monthly", .number("N"), "the same for months"),
            .repeated("keep-tag", .text("NAME"), "points of this batch, job or git tag; NAME* for all that begin so"),
            .value("keep-within", .text("TIME"), "all points of the last days or hours, e.g. 7d"),
            .value("undo-older-than", .text("TIME"), "undo logs of older batches leave the database, and no others"),
            .value("reports-older-than", .text("TIME"), "older reports and logs of rollbacks go too"),
            .flag("dry-run", "only say what would be removed, and why the rest is kept"),
        ],
        topic: .care, role: .admin,
        examples: [
            .init("batchmgr prune --keep-last 10 --keep-daily 30 --keep-monthly 12 --dry-run", "what would go?")
        ])

    public static let erase = Verb(
        "erase", "remove rows from all records for good: undo log, .bak files, git history",
        details: """
            For personal data that must be forgotten. A row is erased when any version of it matches, and then all of \
            its versions are. History is rewritten: commits and .bak files get other names and digests, other rows \
            keep \
            theirs. There is no way back, and a batch that wrote such rows is undone without them.
            """,
        options: [
            .required("table", .text("TABLE"), "the table").main,
            .required("where", .text("SQL"), "one expression over its columns"),
            .value(
                "live", .choice(Erasure.Request.Live.allCases.map(\.rawValue)),
                "rows that are in the table today: delete them (default), or keep them as a new restore point"),
            .flag("dry-run", "only say how many rows would be erased"),
        ],
        topic: .care, role: .admin,
        examples: [
            .init("batchmgr erase --table customers --where \"email = 'ann@example.com'\"", "every trace of one person")
        ])

    public static let historyCompact = Verb(
        "history compact", "merge the packs of the git history into one",
        details:
            "Each restore point is a pack of its own; many of them make git slow. No object and no commit changes.",
        topic: .care, role: .operator,
        examples: [.init("batchmgr history compact", "after some hundred batches")])
}

extension RetentionPolicy {
    /// - Throws: `ERR_UX_USAGE` when nothing is to be kept.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        self.init(
            last: arguments.number("keep-last") ?? 0, daily: arguments.number("keep-daily") ?? 0,
            weekly: arguments.number("keep-weekly") ?? 0, monthly: arguments.number("keep-monthly") ?? 0,
            tags: arguments.values("keep-tag"))
        within = try arguments.life("keep-within")
        if last + daily + weekly + monthly == 0, tags.isEmpty, within == nil,
            arguments.has("undo-older-than") || arguments.has("reports-older-than")
        {
            self = .everything
        }
        guard last > 0 || daily + weekly + monthly > 0 || !tags.isEmpty || within != nil else {
            throw BatchError(
                .usage, "prune needs to know what to keep", hint: "say it: \(command: "prune --keep-last 30 --dry-run")"
            )
        }
    }
}

extension ParsedArguments {
    /// - Throws: `ERR_UX_USAGE`.
    fileprivate func life(_ name: String) throws(BatchError) -> Duration? {
        guard let text = value(name) else { return nil }
        guard let life = Duration(text: text) else {
            throw BatchError(.usage, "--\(name) '\(text)' is not a time", hint: "write it as 12h or 90d: --\(name) 90d")
        }
        return life
    }
}

extension Erasure.Request {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        self.init(
            table: try arguments.required("table"), condition: try arguments.required("where"),
            live: try arguments.choice("live") ?? .delete, isDryRun: arguments.has("dry-run"))
    }
}

extension Command {
    static let prune = Command(.prune) { (arguments, call) throws(BatchError) in
        let request = Pruning.Request(
            bak: try RetentionPolicy(arguments), undo: try arguments.life("undo-older-than"),
            reports: try arguments.life("reports-older-than"))
        call.endAtFirstSignal()
        let report = try Pruning(try call.session()).perform(request, isDryRun: arguments.has("dry-run")) {
            (plan) throws(BatchError) in
            let parts = [
                (plan.removed.count, ".bak file"), (plan.undoLogs.count, "undo log"), (plan.reports.count, "report"),
            ].filter { $0.0 > 0 }
            let what = parts.map { Figures.count($0.0, $0.1) }.joined(separator: " and ")
            return try Confirmation.ask("remove \(what) for good?", call)
        }
        try call.output.show(report)
        return .done
    }

    static let erase = Command(.erase) { (arguments, call) throws(BatchError) in
        let request = try Erasure.Request(arguments)
        call.endAtFirstSignal()
        let report = try Erasure(try call.session(tenant: .mayBeAnybody)).perform(request) {
            (rows) throws(BatchError) in
            let what = "\(Figures.count(rows, "row")) of \(request.table)"
            return try Confirmation.ask("erase \(what) from all records, with no way back?", call)
        }
        try call.output.show(report)
        return .done
    }

    static let historyCompact = Command(.historyCompact) { (_, call) throws(BatchError) in
        call.endAtFirstSignal()
        try call.output.show(try HistoryCompaction(try call.session()).perform())
        return .done
    }
}

extension Verb {
    public static let vacuum = Verb(
        "vacuum", "give free pages of the database back to the disk",
        details: """
            Like VACUUM of SQLite, which cannot be part of a batch. Rows keep their numbers, so every batch can still be undone and \
            every point restored. It needs free space of up to twice the size of the database while it runs.
            """,
        topic: .care,
        role: .admin,
        examples: [.init("batchmgr vacuum", "after large deletions")])
}

extension Command {
    static let vacuum = Command(.vacuum) { (_, call) throws(BatchError) in
        call.endAtFirstSignal()
        let report = try call.session().vacuum()
        try call.output.show(report, text: "\(report.before) bytes → \(report.after) bytes\n")
        return .done
    }
}

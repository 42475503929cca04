public import BatchCore
internal import BatchEngine

extension Verb {
    public static let rollback = Verb(
        "rollback", "undo a batch; what depended on it can be undone too, or run again",
        details: """
            Everything happens in one transaction, all or nothing, and is checked afterwards. The rollback is itself a \
            batch: it can be rolled back. Exit 4: dependents are live, or rows were changed since; exit 5: every record of \
            the batch is damaged. Nothing was done then.
            """,
        options: [
            .value("id", .text("BATCH"), "the batch, or a job for its latest one").main,
            .value(
                "mode", .choice(RollbackMode.allCases.map(\.rawValue)),
                "restrict refuses while dependents are live (default); cascade undoes them first; replay also runs them again; unconflicted undoes only rows that nobody touched since"
            ),
            .value("to", .number("N"), "undo back to checkpoint N of the batch"),
            .value(
                "source", .choice(RollbackRequest.Source.allCases.map(\.rawValue)),
                "which record to undo from (default: the first that verifies, in this order)"),
            .value(
                "on-conflict", .choice(RollbackRequest.ConflictPolicy.allCases.map(\.rawValue)),
                "what to do with rows that others changed: abort (default), keep them, or overwrite them; both are listed"
            ),
            .flag("include-reads", "batches that read what is undone are dependents too"),
            .flag(
                "prove-reads",
                "like --include-reads, but leave those that make the same changes on a copy without the batch"),
            .value("plan-out", .file("FILE"), "write what would be done, bound to the present state, and do nothing"),
            .value("plan", .file("FILE"), "do what the plan says; refused when something has changed since"),
            .flag("dry-run", "do it all, verify, show it, and discard it"),
            .flag("without-compensation", "undo the data even if a step outside the database cannot be undone"),
        ],
        topic: .undo, role: .operator,
        examples: [
            .init("batchmgr rollback --id reprice_invoices", "the latest batch of the job"),
            .init("batchmgr rollback --id reprice_invoices.3 --mode cascade --dry-run", "what would be undone?"),
        ])
}

extension RollbackRequest {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        let batch = try BatchReference(try arguments.required("id"))
        let mode = arguments.value("mode").flatMap { RollbackMode(rawValue: $0) } ?? .restrict
        guard arguments.number("to") != 0 else {
            throw BatchError(
                .usage, "--to 0 would keep no checkpoint",
                hint: "undo the whole batch: \(command: "rollback --id \(batch)")")
        }
        try arguments.allowOne(of: ["plan-out", "dry-run"])
        try arguments.allowOne(of: ["plan-out", "plan"])
        let policy = arguments.value("on-conflict").flatMap { ConflictPolicy(rawValue: $0) }
        self.init(
            batch: batch, mode: mode, checkpoint: arguments.number("to"),
            onConflict: policy ?? (mode == .unconflicted ? .keep : .abort),
            readers: arguments.has("prove-reads") ? .prove : arguments.has("include-reads") ? .include : .show,
            // Everything is done, looked at, and thrown away.
            isDryRun: arguments.has("dry-run") || arguments.has("plan-out"),
            allowsMissingCompensation: arguments.has("without-compensation"), planTarget: arguments.value("plan-out"),
            source: arguments.value("source").flatMap { Source(rawValue: $0) })
        try check(arguments)
    }

    /// What a plan says; other options may only ask to rehearse it.
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ plan: BoundPlan, _ arguments: ParsedArguments) throws(BatchError) {
        self = plan.request
        for option in [
            "mode", "to", "on-conflict", "include-reads", "prove-reads", "without-compensation", "plan-out", "source",
        ]
        where arguments.has(option) {
            throw .usage("--plan already says everything; it cannot be used with --\(option)", arguments.verb)
        }
        if let id = arguments.value("id"), id != plan.batch.description, id != plan.batch.job {
            throw .usage("the plan is for \(plan.batch), not for \(id)", arguments.verb)
        }
        isDryRun = arguments.has("dry-run")
    }

    /// Words that say opposite things.
    private func check(_ arguments: ParsedArguments) throws(BatchError) {
        if let contradiction { throw .usage(contradiction, arguments.verb) }
    }
}

extension Command {
    static let rollback = Command(.rollback) { (arguments, call) throws(BatchError) in
        let bound = try arguments.value("plan").map { (path) throws(BatchError) in
            try BoundPlanFile.read(try TextFile.read(path, option: "plan"), path: path)
        }
        let request: RollbackRequest
        if let bound {
            request = try RollbackRequest(bound, arguments)
        } else {
            request = try RollbackRequest(arguments)
        }
        call.endAtFirstSignal()
        let session = try call.session()
        switch try Rollback(session).perform(request, bound: bound) {
        case .done(let report):
            try call.output.show(report)
            return .after(report.restorePoint)
        case .refused(let report):
            try call.output.show(report)
            return report.error.code.exitCode
        }
    }
}

internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHealing

extension Verb {
    private static let markdown = Option.flag("markdown", "as the page of the documentation")

    public static let runbookList = Verb(
        "runbook list", "list the runbooks: what to do when something goes wrong", options: [markdown], topic: .heal,
        role: .viewer, trace: .view)

    public static let runbookShow = Verb(
        "runbook show", "show the steps of a runbook",
        options: [.required("id", .text("RUNBOOK"), "the runbook").main, markdown], topic: .heal, role: .viewer,
        trace: .view)

    public static let runbookRun = Verb(
        "runbook run", "carry a runbook out, and check afterwards what must hold",
        details: """
            Steps of level 1 are done at once, those of level 2 with --yes (exit 7 while they wait), and those of level 3 are \
            for a person, who gets a plan where there is one to make. Afterwards the program checks: rows in the audit, nothing written outside batches, every batch can \
            be undone, the service within its bounds, postmortems.
            """,
        options: [
            .required("id", .text("RUNBOOK"), "the runbook").main,
            .value("module", .text("NAME"), "the module that it is about (default: that of the latest open incident)"),
        ], topic: .heal, role: .admin, trace: .workspace,
        examples: [.init("batchmgr runbook run performance", "what is safe, at once")])
}

extension Command {
    static let runbookList = Command(.runbookList) { (arguments, call) throws(BatchError) in
        try call.show(try call.runbooks(), isMarkdown: arguments.has("markdown"))
        return .done
    }

    static let runbookShow = Command(.runbookShow) { (arguments, call) throws(BatchError) in
        try call.show([try call.runbook(try arguments.required("id"))], isMarkdown: arguments.has("markdown"))
        return .done
    }

    static let runbookRun = Command(.runbookRun) { (arguments, call) throws(BatchError) in
        let runbook = try call.runbook(try arguments.required("id"))
        let run = try RunbookRun(
            runbook, try call.view(), tenant: call.globals.tenant, module: arguments.value("module"))
        let report = try run.perform(isConfirmed: call.globals.assumesYes)
        try call.output.show(report)
        return report.exitCode
    }
}

extension Call {
    fileprivate func runbooks() throws(BatchError) -> [RunbookDefinition] {
        try RunbookList.load(folder: try workspace().catalog).valid().runbooks
    }

    fileprivate func runbook(_ name: String) throws(BatchError) -> RunbookDefinition {
        try RunbookList.load(folder: try workspace().catalog).valid().runbook(named: name)
    }

    fileprivate func show(_ runbooks: [RunbookDefinition], isMarkdown: Bool) throws(BatchError) {
        let report = RunbookReport(runbooks: runbooks)
        guard isMarkdown else { return try output.show(report) }
        let head = """
            # Runbooks

            What to do when something goes wrong, step by step. This page is made by `batchmgr runbook list --markdown` from the files in
            `catalog/runbooks`. `batchmgr runbook run ID` does what is safe at once, the rest with `--yes`, and checks afterwards:

            \(RunbookDefinition.checklist.map { "- \($0.1)" }.joined(separator: "\n"))


            """
        try output.show(report, text: head + runbooks.map(\.markdown).joined(separator: "\n"))
    }
}

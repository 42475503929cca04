internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHealing

extension Verb {
    private static let job = Option.value("id", .text("JOB"), "only this repair job").main
    private static let set = Option.repeated("set", .pair("NAME=VALUE"), "set a parameter; may be repeated")

    public static let healList = Verb(
        "heal list", "list the repair jobs: what each repairs, and how its last run ended",
        options: [.flag("markdown", "as the page of the documentation")], topic: .heal, role: .viewer, trace: .view,
        examples: [.init("batchmgr heal list", "what can repair itself here?")])

    public static let healScan = Verb(
        "heal scan", "show what the repair jobs find wrong, and change nothing",
        options: [job, set, .all], topic: .heal, role: .viewer, trace: .check,
        examples: [
            .init("batchmgr heal scan", "all jobs"),
            .init("batchmgr heal scan --id repair_reconcile_invoices --tenant t001", "one job, one tenant"),
        ])

    public static let healRun = Verb(
        "heal run", "run a repair job: one batch for each tenant with something wrong",
        details: """
            Level 1 runs at once; level 2 is carried out and undone on a copy first; level 3 makes a patch plan (exit 7). \
            Each batch can be undone like any other. A job that has failed three times for a tenant within a day is \
            frozen for that tenant, until heal thaw. A batch of it that is half done is continued. What a switch \
            holds back is not a failure.
            """,
        options: [
            .required("id", .text("JOB"), "the repair job").main,
            .flag("dry-run", "do it, show the changes, and discard them (also: -n)"),
            .flag("apply", "do it"), .flag("propose", "make plans of it, for a person to approve (exit 7)"),
            .flag("all", "with --dry-run: show every row (default: 20)"),
            .flag("automatic", "as automatic work, e.g. from cron: the switches auto_heal can hold it back"), set,
        ],
        topic: .heal, role: .operator,
        examples: [
            .init("batchmgr heal run repair_reconcile_invoices --dry-run", "what would change?"),
            .init("batchmgr heal run repair_reconcile_invoices --apply --tenant t001", "for one tenant"),
        ])

    public static let healHistory = Verb(
        "heal history", "show what repair jobs did",
        options: [job, .value("limit", .number("N"), "the last N executions"), .all], topic: .heal, role: .viewer,
        trace: .view, examples: [.init("batchmgr heal history", "what was repaired?")])

    public static let healThaw = Verb(
        "heal thaw", "let a repair job run again that was frozen or halted because it failed too often",
        options: [
            .required("id", .text("JOB"), "the repair job").main,
            .required("reason", .text("TEXT"), "why it may run again; kept in the audit"),
        ],
        topic: .heal, role: .operator,
        examples: [
            .init("batchmgr heal thaw repair_reconcile_invoices --reason 'the lines are corrected'", "try it again")
        ])

    public static let contractList = Verb(
        "contract list", "list the contracts that the data has to keep", topic: .heal, role: .viewer, trace: .view)

    private static let changed = Option.flag(
        "changed", "only rows that batches changed since the last check, where a contract says what it reads")
    private static let full = Option.flag("full", "all rows (default)")

    public static let contractCheck = Verb(
        "contract check", "check the contracts of the data, and show which rows break them",
        details:
            "Exit 1 when a contract fails. The batch that is named is the latest one that set a value in these rows.",
        options: [.value("id", .text("CONTRACT"), "only this contract").main, changed, full, .all], topic: .heal,
        role: .viewer,
        trace: .check,
        examples: [
            .init("batchmgr contract check", "does everything hold?"),
            .init("batchmgr contract check --changed", "does it hold for what batches changed since the last check?"),
        ])

    public static let contractEnforce = Verb(
        "contract enforce", "check the contracts, and do what they say when one fails",
        details: """
            What happens then is set in contracts.yaml, under 'then': an incident, the module switched off, the batch \
            that set the rows undone (up to level 2; a batch of level 3 is left to a person). Exit 1 when a contract \
            fails.
            """,
        options: [.value("id", .text("CONTRACT"), "only this contract").main, changed, full], topic: .heal,
        role: .operator, trace: .workspace)
}

extension Command {
    static let healList = Command(.healList) { (arguments, call) throws(BatchError) in
        let repairs = try call.repairs()
        guard !arguments.has("markdown") else {
            let entries = repairs.jobs.map {
                RepairListReport.Entry(job: $0, isEnabled: true, frozen: [], lastOutcome: nil)
            }
            try call.output.show(RepairListReport(entries: entries), text: repairs.markdown)
            return .done
        }
        try call.output.show(try repairs.list(try call.view()))
        return .done
    }

    static let healScan = Command(.healScan) { (arguments, call) throws(BatchError) in
        let repairs = try call.repairs()
        let job = try arguments.value("id").map { (name) throws(BatchError) in try repairs.job(named: name) }
        try call.output.show(
            try repairs.scan(
                try call.view(), job: job, set: arguments.values("set"), tenant: call.globals.tenant))
        return .done
    }

    static let healRun = Command(.healRun) { (arguments, call) throws(BatchError) in
        let job = try call.repairs().job(named: try arguments.required("id"))
        try arguments.allowOne(of: ["dry-run", "apply", "propose"])
        guard arguments.has("dry-run") || arguments.has("apply") || arguments.has("propose") else {
            throw .missing("--dry-run, --apply or --propose", of: arguments.verb)
        }
        let mode: HealRunReport.Mode =
            arguments.has("apply") ? .apply : arguments.has("propose") ? .propose : .dryRun
        let values = try ParameterValues(job, set: arguments.values("set"))
        if mode == .dryRun { call.endAtFirstSignal() }
        return try call.show(try call.repair(job, values, mode, isAutomatic: arguments.has("automatic")))
    }

    static let healHistory = Command(.healHistory) { (arguments, call) throws(BatchError) in
        let job = try arguments.value("id").map { (name) throws(BatchError) in try call.repairs().job(named: name).id }
        let history = try RepairHistory(try call.view())
        try call.output.show(history.report(job: job, limit: arguments.number("limit")))
        return .done
    }

    static let healThaw = Command(.healThaw) { (arguments, call) throws(BatchError) in
        let job = try call.repairs().job(named: try arguments.required("id"))
        let session = try call.session(database: job.database)
        try call.output.show(
            try RepairHistory(session).thaw(
                job.id, tenant: call.globals.tenant, reason: try arguments.required("reason")))
        return .done
    }

    static let contractList = Command(.contractList) { (_, call) throws(BatchError) in
        let contracts = try ContractList.contracts(in: try call.workspace().catalog)
        try call.output.show(ContractReport(entries: contracts.map { .init(contract: $0) }))
        return .done
    }

    static let contractCheck = Command(.contractCheck) { (arguments, call) throws(BatchError) in
        let contracts = try ContractList.contracts(in: try call.workspace().catalog, named: arguments.value("id"))
        let report = try ContractCheck(try call.view()).report(
            contracts, tenant: call.globals.tenant, scope: try arguments.contractScope())
        try call.output.show(report)
        return report.exitCode
    }

    static let contractEnforce = Command(.contractEnforce) { (arguments, call) throws(BatchError) in
        let contracts = try ContractList.contracts(in: try call.workspace().catalog, named: arguments.value("id"))
        let session = try call.session()
        let report = try ContractCheck(session).report(
            contracts, tenant: call.globals.tenant, scope: try arguments.contractScope())
        let consequences = ContractConsequences(session) { (batch) throws(BatchError) in
            switch try Rollback(session).perform(RollbackRequest(batch: .batch(batch), mode: .restrict)) {
            case .done(let report): return report.rollback?.description ?? "there was nothing to undo"
            case .refused(let refusal): throw refusal.error
            }
        }
        try call.output.show(ContractEnforcementReport(report, try consequences.follow(report)))
        return report.exitCode
    }
}

extension ParsedArguments {
    fileprivate func contractScope() throws(BatchError) -> ContractCheck.Scope {
        try allowOne(of: ["changed", "full"])
        return has("changed") ? .changed : .all
    }
}

extension Call {
    /// How a repair job begins, as `heal run` or as `run`.
    func repair(
        _ job: JobDefinition, _ values: ParameterValues, _ mode: HealRunReport.Mode, isAutomatic: Bool = false
    ) throws(BatchError) -> RepairRun {
        try requireKnownTenant()
        let workspace = try workspace()
        var context = workContext()
        if isAutomatic { context.origin = .heal }
        return RepairRun(job, values, mode: mode) { [context] (tenant) throws(BatchError) in
            var own = context
            own.tenant = tenant
            return try Session(workspace, database: job.database, tenant: tenant, context: own)
        }
    }

    func show(_ repair: RepairRun) throws(BatchError) -> ExitCode {
        let report = try repair.perform(tenant: globals.tenant)
        try output.show(report)
        return report.exitCode
    }

    fileprivate func repairs() throws(BatchError) -> Repairs {
        Repairs(try workspace().loadCatalog(StepRegistry.builtIn.rules()).jobs)
    }
}

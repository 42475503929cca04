internal import BatchCatalog
internal import BatchCore
internal import BatchEngine

enum RunCommand: Command {
    static let verb = Verb.run

    static func run(_ arguments: ParsedArguments, in context: CommandContext) throws(BatchError) -> ExitCode {
        let request = try RunRequest(arguments)
        let workspace = try context.workspace()
        let assignments = request.parameters.map { "\($0.name)=\($0.value)" }
        let job = try job(request, workspace, assignments)
        let values = try ParameterValues(job, set: assignments)
        let session = try context.session(workspace)
        let runner = Runner(session)
        let tenant = context.globals.tenant
        if request.isDryRun {
            try context.output.show(try runner.preview(job, values, tenant: tenant))
            return .done
        }
        let order = RunOrder(
            job: job, values: values, tenant: tenant, key: request.key,
            suggestion: request.isProposal ? "\(session.context.actor) asked for a plan" : nil,
            planLife: request.planLife)
        switch try runner.submit(order) {
        case .ran(let report):
            try context.output.show(report)
            return .done
        case .planned(let plan):
            try context.output.show(plan)
            return .waitingForApproval
        }
    }

    private static func job(
        _ request: RunRequest, _ workspace: Workspace, _ assignments: [String]
    ) throws(BatchError) -> JobDefinition {
        switch request.source {
        case .catalog: return try workspace.loadCatalog().job(named: request.job)
        case .sql(let sql):
            return try JobDefinition.adHoc(
                id: request.job, sql: [sql], set: assignments, sharedTables: request.sharedTables)
        case .file(let path):
            return try JobDefinition.adHoc(
                id: request.job, sql: [try TextFile.read(path)], set: assignments, sharedTables: request.sharedTables)
        }
    }
}

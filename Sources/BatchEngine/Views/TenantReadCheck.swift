public import BatchCore
internal import BatchHistory
internal import BatchLedger

extension Session {
    /// Statements of jobs for one tenant that read rows of tenants, and do not say whose: they see those of all.
    public func readsOfAllTenants(_ jobs: [JobDefinition]) throws(BatchError) -> [Warning] {
        guard let column = database.policy.tenantColumn else { return [] }
        // One for itself: reading the columns takes the authorizer.
        let compiler = try Connection(path: path, mode: .readOnly)
        compiler.tolerateUnknownCollations()
        for function in Checksums.functions { compiler.add(function) }
        let tables = try SchemaReader(compiler).tables().filter { $0.ownerColumn(named: column) != nil }.map(\.name)
        var warnings: [Warning] = []
        for job in jobs where job.tenant != .none && job.database ?? database.name == database.name {
            for step in job.steps {
                for statement in step.reads where !Session.namesTenant(statement) {
                    // What cannot be compiled yet is of tables that the job makes first.
                    guard let read = try? ColumnsRead(of: statement, on: compiler),
                        let table = tables.first(where: read.reads)
                    else { continue }
                    warnings.append(
                        Warning(
                            .readsAllTenants,
                            "job \(job.id), step \(step.id), reads rows of \(table) of all tenants, and works for one",
                            hint: "limit it: WHERE \(column) = :tenant"))
                    break
                }
            }
        }
        return warnings
    }

    private static func namesTenant(_ sql: String) -> Bool {
        [":tenant", "@tenant", "$tenant"].contains { sql.lowercased().contains($0) }
    }
}

extension StepDefinition {
    /// SQL that decides which rows the step sees. Statements for each row of a query see what that has found.
    fileprivate var reads: [String] {
        if let forEach { return [forEach] }
        switch kind {
        case SQLStep.name: return SQLScript(script ?? "").statements.map(\.text)
        case CheckStep.name: return settings.string.map { [$0] } ?? []
        default: return []
        }
    }
}

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
        let layouts = try SchemaReader(compiler).tables()
        let tables = layouts.filter { $0.ownerColumn(named: column) != nil }.map(\.name)
        let relations = try Session.relations(layouts, tables, compiler)
        var warnings: [Warning] = []
        for job in jobs where job.tenant != .none && job.database ?? database.name == database.name {
            for step in job.steps {
                for statement in step.reads {
                    // What cannot be compiled yet is of tables that the job makes first.
                    guard let read = try? ColumnsRead(of: statement, on: compiler) else { continue }
                    let unlimited =
                        Session.namesTenant(statement)
                        ? TenantReads(statement, relations: relations).unlimited.first
                        : tables.first(where: read.reads)
                    guard let table = unlimited else { continue }
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

    /// Tables and views with their columns, by folded name.
    private static func relations(
        _ layouts: [TableLayout], _ tables: [String], _ compiler: Connection
    ) throws(BatchError) -> [String: TenantReads.Relation] {
        var relations: [String: TenantReads.Relation] = [:]
        for layout in layouts {
            relations[SQLName.folded(layout.name)] = .init(
                columns: Set(layout.columns.map { SQLName.folded($0.name) }),
                isOfTenants: tables.contains { SQLName.areSame($0, layout.name) })
        }
        for row in try compiler.rows("SELECT name FROM main.sqlite_schema WHERE type = 'view'") {
            guard let name = row[0].string,
                let read = try? ColumnsRead(of: "SELECT * FROM \(SQLName.quote(name))", on: compiler)
            else { continue }
            let columns = try compiler.rows("SELECT name FROM pragma_table_xinfo(?)", [.string(name)])
            relations[SQLName.folded(name)] = .init(
                columns: Set(columns.compactMap { $0[0].string.map(SQLName.folded) }),
                isOfTenants: tables.contains(where: read.reads))
        }
        return relations
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

internal import BatchCatalog
public import BatchCore
internal import BatchLedger

/// What a batch on a database may write.
struct PolicyChoice {
    let session: Session

    private var rules: DatabasePolicy { session.database.policy }

    // MARK: Batches

    /// - Throws: `ERR_UX_INVALID_CONFIGURATION`, `ERR_UX_INVALID_CATALOG` when a name in it is of nothing.
    func policy(
        for job: JobDefinition, tenant: String?, approval: Approval? = nil
    ) throws(BatchError) -> WritePolicy {
        var policy = rules.batch(
            tenant: tenant, sharedTables: Set(job.sharedTables), limits: job.limits, approval: approval)
        if job.module != nil {
            policy.foreign = try ModuleList.load(folder: session.workspace.catalog).valid().foreignTables(to: job)
        }
        let isChecked = rules.tenantColumn != nil || !rules.guarded.isEmpty || !job.sharedTables.isEmpty
        if isChecked {
            let tables = try tables()
            try checkRules(tables)
            try checkShared(job, tables)
        }
        return policy
    }

    /// A whole undo leads back to what was there before, so it may touch protected data; one that leaves rows out does
    /// not. Whose rows and which shared tables it may touch is decided as for the batches that it undoes.
    func policy(undoing batches: [BatchRecord], isWhole: Bool) throws(BatchError) -> WritePolicy {
        let protected = isWhole ? [] : rules.guarded.map(ProtectedName.init)
        let tenants = Set(batches.compactMap(\.tenant)).sorted()
        let isOperators = batches.contains { $0.tenant == nil || $0.hasSchemaChange }
        guard let column = rules.tenantColumn, let first = tenants.first, session.owner != nil || !isOperators else {
            return WritePolicy(protected: protected)
        }
        return WritePolicy(
            tenant: TenantScope(
                column: column, tenant: first, others: Set(tenants.dropFirst()),
                sharedTables: try sharedTables(undoing: batches, column)),
            protected: protected)
    }

    /// Those that the jobs of the batches name, then or by now: a table may have become shared since. What has no job, as
    /// a rollback, is undone where it has written.
    private func sharedTables(undoing batches: [BatchRecord], _ column: String) throws(BatchError) -> Set<String> {
        let tables = try tables()
        var shared: Set<String> = []
        for batch in batches {
            for name in try session.ledger.tablesChanged(by: [batch.seq]) {
                let table = tables.first { $0.name == name }
                let isJudged = table.map { $0.role != .system && $0.ownerColumn(named: column) == nil } ?? false
                guard isJudged, let owner = table?.ownerTable, batch.definition != nil else {
                    shared.insert(table?.ownerTable ?? name)
                    continue
                }
                let names = try session.job(of: batch).sharedTables
                shared.formUnion(names)
                if names.contains(where: { SQLName.areSame($0, owner) }) { continue }
                let jobs = try session.workspace.loadCatalog(session.context.steps.rules()).jobs
                shared.formUnion(jobs.first { $0.id == batch.batch.job }?.sharedTables ?? [])
            }
        }
        return shared
    }

    /// Names of protected data in tables that these batches changed, for the audit.
    func protected(changedBy batches: [BatchRecord]) throws(BatchError) -> [String] {
        if rules.guarded.isEmpty { return [] }
        let changed = try session.ledger.tablesChanged(by: batches.map(\.seq))
        return rules.guarded.filter { name in changed.contains(where: ProtectedName(name).isOf) }
    }

    /// - Parameter isWhole: the database becomes what it was; otherwise a state comes about that was never there, and
    ///   protected data stays as it is.
    func policyForRestore(isWhole: Bool) -> WritePolicy {
        var policy = WritePolicy(protected: isWhole ? [] : rules.guarded.map(ProtectedName.init))
        if let column = rules.tenantColumn, let owner = session.owner {
            policy.tenant = TenantScope(column: column, tenant: owner)
        }
        return policy
    }

    // MARK: Names

    private func tables() throws(BatchError) -> [TableLayout] {
        try SchemaReader(session.connection).tables()
    }

    /// A misspelt name would protect nothing.
    private func checkRules(_ tables: [TableLayout]) throws(BatchError) {
        if let mistake = try mistakes(tables).first { throw invalid(mistake.message) }
    }

    /// Names in the rules of the database that are of nothing, with what was meant.
    func mistakes() throws(BatchError) -> [(name: String, message: String)] {
        rules.tenantColumn != nil || !rules.guarded.isEmpty ? try mistakes(try tables()) : []
    }

    private func mistakes(_ tables: [TableLayout]) throws(BatchError) -> [(name: String, message: String)] {
        var found: [(name: String, message: String)] = []
        let own = tables.filter { $0.role == .ordinary }
        if let column = rules.tenantColumn, !own.isEmpty, !own.contains(where: { $0.ownerColumn(named: column) != nil })
        {
            let names = Set(own.flatMap { $0.columns.map(\.name) }).sorted()
            found.append(
                (column, "tenant_column: no table has a column '\(column)'\(Suggestion.clause(for: column, in: names))")
            )
        }
        let virtual = try SchemaReader(session.connection).virtualTables().map(\.name)
        for name in rules.guarded.map(ProtectedName.init) {
            let key = rules.protected.contains(name.text) ? "protected" : "classes"
            let table = own.first { name.isOf($0.name) }
            guard table != nil || virtual.contains(where: name.isOf) else {
                let meant = Suggestion.clause(for: name.table, in: own.map(\.name) + virtual)
                found.append((name.text, "\(key): there is no table '\(name.table)'\(meant)"))
                continue
            }
            guard let column = name.column else { continue }
            let columns = table?.columns.map(\.name) ?? []
            if columns.contains(where: { $0.lowercased() == column.lowercased() }) { continue }
            let meant = Suggestion.clause(for: column, in: columns)
            found.append((name.text, "\(key): table \(name.table) has no column '\(column)'\(meant)"))
        }
        return found
    }

    private func invalid(_ message: String) -> BatchError {
        BatchError(
            .invalidConfiguration, "database \(session.database.name): \(message)",
            hint: "correct \(Workspace.fileName): see docs/policy.md")
    }

    private func checkShared(_ job: JobDefinition, _ tables: [TableLayout]) throws(BatchError) {
        let virtual = try SchemaReader(session.connection).virtualTables().map(\.name)
        // A job that changes the schema may make the table first.
        let mayMake = job.mayChangeSchema
        for name in job.sharedTables {
            let lowered = name.lowercased()
            let table = tables.first { $0.name.lowercased() == lowered }
            if let table, let column = table.ownerColumn(named: rules.tenantColumn) {
                throw wrong(job, "'\(name)' is not shared: it has the column \(table.columns[column].name)")
            }
            if table != nil || mayMake || virtual.contains(where: { $0.lowercased() == lowered }) { continue }
            let names = tables.filter { $0.role == .ordinary }.map(\.name) + virtual
            throw wrong(job, "there is no table '\(name)'\(Suggestion.clause(for: name, in: names))")
        }
    }

    private func wrong(_ job: JobDefinition, _ message: String) -> BatchError {
        BatchError(
            .invalidCatalog, "job \(job.id): shared_tables: \(message)",
            hint: "correct the job: \(command: "catalog show --id \(job.id)")")
    }
}

extension Session {
    /// Names under `tenant_column`, `protected` and `classes` in `batchmgr.yaml` that are of nothing: no batch would run.
    public func policyMistakes() throws(BatchError) -> [(name: String, message: String)] {
        try reading { () throws(BatchError) in try PolicyChoice(session: self).mistakes() }
    }
}

extension Ledger {
    /// Every table, also of SQLite and of modules, of which these batches changed rows.
    func tablesChanged(by batches: [Int64]) throws(BatchError) -> Set<String> {
        var names: Set<String> = []
        for batch in batches {
            let rows = try connection.rows(
                """
                SELECT DISTINCT table_name FROM main.batchmgr_changes WHERE checkpoint IN \
                (SELECT id FROM main.batchmgr_checkpoints WHERE batch = ?)
                """, [.integer(batch)])
            names.formUnion(rows.compactMap { $0[0].string })
        }
        return names
    }
}

public import BatchCore

/// The statements of a batch, and what they do to the schema.
extension Gateway {
    /// Prepares the first statement of `sql` under the rules for batches.
    public func prepare(_ sql: String) throws(BatchError) -> GatewayStatement {
        guard let authorizer else {
            return GatewayStatement(
                statement: try connection.prepare(sql, isVerbatim: true), effects: StatementEffects())
        }
        return GatewayStatement(statement: try authorizer.prepare(sql), effects: authorizer.effects)
    }

    /// Runs every statement of a script; rows that they return are thrown away.
    /// - Parameters:
    ///   - parameters: values by name, without the `:`, `@` or `$`.
    ///   - each: called after each statement.
    public func run(
        script sql: String, _ parameters: [String: SQLValue] = [:], each: () -> Void = {}
    ) throws(BatchError) {
        var rest = sql
        while !SQLText.isBlank(rest) {
            let statement = try prepare(rest)
            rest = statement.statement.tail
            try run(statement, parameters)
            each()
        }
    }

    /// Runs one prepared statement to its end.
    public func run(
        _ prepared: GatewayStatement, _ parameters: [String: SQLValue] = [:],
        onRow: (Statement) throws(BatchError) -> Void = { _ in }
    ) throws(BatchError) {
        let statement = prepared.statement
        defer { statement.reset() }
        try statement.bind(named: parameters)
        note(prepared)
        sink.expect(.named(prepared.effects.updatedColumns))
        defer { sink.expect(.all) }
        do throws(BatchError) {
            let compiled = statement.recompilations
            if prepared.effects.changesSchema || prepared.effects.touchesStatistics {
                try runSchemaChange(prepared)
            } else {
                while try statement.step() { try onRow(statement) }
                if statement.recompilations != compiled, !prepared.effects.changesTemporary {
                    try examineAgain(prepared)
                }
            }
            if prepared.effects.changesTemporary { try requireLedgerAlone() }
            try settle()
        } catch {
            sink.fail(error)
            throw error
        }
    }

    /// SQLite compiles a statement anew when the schema has changed since, and nobody has looked at that one.
    private func examineAgain(_ prepared: GatewayStatement) throws(BatchError) {
        guard let authorizer else { return }
        _ = try authorizer.prepare(prepared.statement.text)
        let known = prepared.effects.updatedColumns
        let isSame = authorizer.effects.updatedColumns.allSatisfy { table, columns in
            known[table].map(columns.isSubset) ?? false
        }
        if isSame { return }
        throw BatchError(
            .schemaChanged, "the schema changed while a statement was running: it writes more than it did before",
            hint: "run the batch again")
    }

    /// Notes what a statement reads with the checkpoint. `run` does it; this is for a statement that is stepped by others.
    public func note(_ prepared: GatewayStatement) { readFacts.note(prepared.effects) }

    /// True when a statement since `begin` changed the schema.
    public var changedSchema: Bool { state.hasSchemaChange }

    /// Notes the rows of the statistics, before something changes them.
    func noteStatistics() throws(BatchError) {
        try state.system.note(SystemTables.statistics, connection)
    }

    /// Rows of SQLite's own tables as they were when they were noted.
    var systemRows: [String: [Int64: [SQLValue]]] { state.system.before }

    // MARK: Changes of the schema, or of SQLite's statistics

    /// Takes the guard's triggers away until the end of the checkpoint: a change of the schema must not meet them, and
    /// new objects get the places that they would have without them.
    func liftGuard() throws(BatchError) {
        guard guardMode != .off, !state.isGuardLifted else { return }
        try WriteGuard(ledger).remove()
        state.isGuardLifted = true
    }

    func restoreGuard() throws(BatchError) {
        if state.isGuardLifted {
            try WriteGuard(ledger).install()
        } else if guardMode != .off, try connection.value("PRAGMA main.schema_version")?.integer != state.schemaVersion
        {
            try WriteGuard(ledger).followCookie(from: state.schemaVersion)
        }
        state.isGuardLifted = false
    }

    func runSchemaChange(_ prepared: GatewayStatement) throws(BatchError) {
        try flushVirtualTables()
        if prepared.effects.changesSchema { try liftGuard() }
        try noteStatistics()
        let before = try schema.objectsAndSettings()
        let own = try ledger.objectCount()
        let owned = try ownedTables()
        let rewritten = try rewrittenTables(prepared.effects.rewrittenTables)
        for layout in rewritten { try recordRows(of: layout) }
        let named = Set(rewritten.map(\.name))
        // Rows of other tables may change too: dropping a parent can cascade.
        sink.captured.limit(to: Set(before.filter { $0.type == "table" && !named.contains($0.name) }.map(\.name)))
        defer { sink.captured.limit(to: nil) }
        while try prepared.statement.step() {}
        prepared.statement.reset()
        try settle()
        guard try ledger.objectCount() <= own else {
            throw BatchError(
                .forbiddenStatement,
                "a batch may not use a name that begins with batchmgr_: those belong to the ledger",
                hint: "choose another name")
        }
        // One that was set to what it was leaves no trace, but it would not be so without this batch.
        for name in prepared.effects.settings { note(.confirmed, .definition(ofSetting: name)) }
        try noteSchemaChange(from: before, recorded: named, owned: owned)
    }

    /// Records in the log how the schema differs from `before`.
    /// - Parameters:
    ///   - recorded: tables whose rows were recorded as removed before the change.
    ///   - owned: tables with the tenant column before the change.
    func noteSchemaChange(
        from before: [SchemaObject], recorded: Set<String>, owned: Set<String> = []
    ) throws(BatchError) {
        sink.captured.forgetLayouts()
        let objects = try schema.objectsAndSettings()
        guard var change = SchemaChange(from: before, to: objects) else { return }
        state.hasSchemaChange = true
        try notePolicy(change, owners: owned)
        var rewritten: [(layout: TableLayout, rows: TableDigest)] = []
        for object in change.after where object.type == "table" && !object.isVirtualTable && !object.isSystem {
            // The text alone has changed, e.g. the name of a parent table in it: the rows are as they were.
            if change.holdsRows(object), !recorded.contains(object.name) { continue }
            guard let layout = try schema.layout(named: object.name) else { continue }
            let digest = try StateDigest.compute(layout, connection)
            change.digests[object.name] = digest
            rewritten.append((layout, digest))
        }
        noteDefinitions(change, before, objects)
        try sink.record(change, rewritten: rewritten)
        try noteHostSchema(objects, after: change)
    }

    private func note(_ side: FactSide, _ relation: Relation) {
        state.definitions.insert(DefinitionFact(relation: relation, side: side))
    }

    /// - Parameters:
    ///   - before: all objects before the change.
    ///   - objects: all objects after it.
    private func noteDefinitions(_ change: SchemaChange, _ before: [SchemaObject], _ objects: [SchemaObject]) {
        for object in change.before + change.after { note(.changed, .definition(of: object)) }
        for object in change.after {
            for other in before + objects where object.uses(other) { note(.referenced, .definition(of: other)) }
        }
        for object in change.before {
            let after = change.after.first { $0.type == object.type && $0.name == object.name }
            if after?.isExtension(of: object) != true { note(.removed, .definition(of: object)) }
            guard after == nil else { continue }
            // SQLite rewrites texts when what they name is renamed; a text that comes back must still fit then.
            for other in before where object.uses(other) { note(.released, .definition(of: other)) }
        }
    }

    /// Statistics that go with a table can only come back as long as those are there that ANALYZE made.
    func noteStatistics(_ changes: [(table: String, changes: [RowChange])]) {
        for (table, changes) in changes where SystemTables.statistics.contains(table) {
            // They go with the table when the batch is undone that made it.
            note(.referenced, .definition(table))
            for change in changes {
                if let row = change.after { note(.added, .statistics(of: row[0].string ?? "")) }
                guard state.hasSchemaChange, change.after == nil, let row = change.before else { continue }
                note(.changed, .statistics(of: row[0].string ?? ""))
            }
        }
    }

    /// The tables of which rows go or change with these tables.
    func rewrittenTables(_ names: Set<String>) throws(BatchError) -> [TableLayout] {
        var layouts: [TableLayout] = []
        for name in names.sorted() {
            if let layout = try schema.layout(named: name) {
                layouts.append(layout)
            } else {
                // A virtual table: its rows are in its shadow tables.
                layouts += try schema.tables().filter { layout in
                    if case .shadow(let owner) = layout.role { SQLName.areSame(owner, name) } else { false }
                }
            }
        }
        return layouts
    }

    /// Records all rows of a table as removed, before it is dropped or altered.
    func recordRows(of layout: TableLayout) throws(BatchError) {
        try connection.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            try sink.recordRemoval(of: layout, rows: try RowReader(visible, on: connection))
        }
    }
}

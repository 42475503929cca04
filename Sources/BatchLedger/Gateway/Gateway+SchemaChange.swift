internal import BatchCore

/// Statements that change the schema, or SQLite's statistics.
extension Gateway {
    /// Takes the guard's triggers away until the end of the checkpoint: a change of the schema must not meet them, and
    /// new objects get the places that they would have without them.
    func liftGuard() throws(BatchError) {
        guard guardMode != .off, !isGuardLifted else { return }
        try WriteGuard(ledger).remove()
        isGuardLifted = true
    }

    func restoreGuard() throws(BatchError) {
        if isGuardLifted {
            try WriteGuard(ledger).install()
        } else if guardMode != .off, try connection.value("PRAGMA main.schema_version")?.integer != schemaVersion {
            try WriteGuard(ledger).followCookie(from: schemaVersion)
        }
        isGuardLifted = false
    }

    func runSchemaChange(_ prepared: GatewayStatement) throws(BatchError) {
        try flushVirtualTables()
        if prepared.findings.changesSchema { try liftGuard() }
        try noteStatistics()
        let before = try schema.objects()
        let own = try ledger.objectCount()
        let owned = try ownedTables()
        let rewritten = try rewrittenTables(prepared.findings.rewrittenTables)
        for layout in rewritten { try recordRows(of: layout) }
        let named = Set(rewritten.map(\.name))
        // Rows of other tables may change too: dropping a parent can cascade.
        recorder.limit(to: Set(before.filter { $0.type == "table" && !named.contains($0.name) }.map(\.name)))
        defer { recorder.limit(to: nil) }
        while try prepared.statement.step() {}
        prepared.statement.reset()
        try settle()
        guard try ledger.objectCount() == own else {
            throw BatchError(
                .forbiddenStatement, "a batch may not give anything a batchmgr_ name: they belong to the ledger",
                hint: "choose another name")
        }
        try noteSchemaChange(from: before, recorded: named, owned: owned)
    }

    /// Records in the log how the schema differs from `before`.
    /// - Parameters:
    ///   - recorded: tables whose rows were recorded as removed before the change.
    ///   - owned: tables with the tenant column before the change.
    func noteSchemaChange(
        from before: [SchemaObject], recorded: Set<String>, owned: Set<String> = []
    ) throws(BatchError) {
        recorder.forgetLayouts()
        let objects = try schema.objects()
        guard var change = SchemaChange(from: before, to: objects) else { return }
        hasSchemaChange = true
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
        for object in change.before + change.after {
            definitions.insert(.definition(of: object))
        }
        for object in change.after {
            for other in before + objects where object.uses(other) { usedDefinitions.insert(.definition(of: other)) }
        }
        try recorder.record(change, rewritten: rewritten)
        try noteHostSchema(objects, after: change)
    }

    /// The tables of which rows go or change with these tables.
    func rewrittenTables(_ names: Set<String>) throws(BatchError) -> [TableLayout] {
        var layouts: [TableLayout] = []
        for name in names.sorted() {
            if let layout = try schema.layout(named: name) {
                layouts.append(layout)
            } else {
                // A virtual table: its rows are in its shadow tables.
                let lowered = name.lowercased()
                layouts += try schema.tables().filter { layout in
                    if case .shadow(let owner) = layout.role { owner.lowercased() == lowered } else { false }
                }
            }
        }
        return layouts
    }

    /// Records all rows of a table as removed, before it is dropped or altered.
    func recordRows(of layout: TableLayout) throws(BatchError) {
        try connection.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            try recorder.recordRemoval(of: layout, rows: try RowReader(visible, on: connection))
        }
    }
}

internal import BatchCore
internal import BatchLedger

/// Changes the database of a gateway, in its open transaction, into another one.
struct DatabaseChanger {
    let gateway: Gateway
    let wanted: Connection

    private var connection: Connection { gateway.connection }

    func perform() throws(BatchError) {
        let (gone, new) = try schemaDifference()
        for object in gone.sorted(by: { DatabaseChanger.rank($0) > DatabaseChanger.rank($1) }) { try drop(object) }
        for object in new where object.type == "table" { try gateway.run(script: object.sql ?? "") }
        let difference = DatabaseDifference(old: connection, new: wanted)
        // The counters of AUTOINCREMENT move with every insert, so system tables come last.
        for isSystem in [false, true] {
            for table in try difference.tables() where (table.after?.role ?? table.before?.role == .system) == isSystem
            {
                try change(table, difference)
            }
        }
        for object in new.sorted(by: { DatabaseChanger.rank($0) < DatabaseChanger.rank($1) })
        where object.type != "table" { try gateway.run(script: object.sql ?? "") }
    }

    // MARK: Schema

    func changesSchema() throws(BatchError) -> Bool {
        let (gone, new) = try schemaDifference()
        return !gone.isEmpty || !new.isEmpty
    }

    /// What is to be dropped, and what is to be made. A table that is made anew takes its indexes and triggers along.
    private func schemaDifference() throws(BatchError) -> (gone: [SchemaObject], new: [SchemaObject]) {
        func own(_ objects: [SchemaObject]) -> [SchemaObject] {
            objects.filter { $0.sql != nil && !$0.name.hasPrefix("sqlite_") }
        }
        let now = own(try SchemaReader(connection).objects())
        let then = own(try SchemaReader(wanted).objects())
        let shadows = try shadowTables(connection).union(try shadowTables(wanted))
        func isMissing(_ object: SchemaObject, _ others: [SchemaObject]) -> Bool {
            !shadows.contains(object.name)
                && !others.contains { $0.type == object.type && $0.name == object.name && $0.sql == object.sql }
        }
        var gone = now.filter { isMissing($0, then) }
        let tables = Set((gone + then.filter { isMissing($0, now) }).filter { $0.type == "table" }.map(\.name))
        gone += now.filter { object in
            ["index", "trigger"].contains(object.type) && tables.contains(object.tableName) && !gone.contains(object)
        }
        let new = then.filter { object in
            isMissing(object, now) || (["index", "trigger"].contains(object.type) && tables.contains(object.tableName))
        }
        return (gone, new)
    }

    /// Their module makes and drops them.
    private func shadowTables(_ connection: Connection) throws(BatchError) -> Set<String> {
        Set(
            try SchemaReader(connection).tables().compactMap { layout in
                if case .shadow = layout.role { layout.name } else { nil }
            })
    }

    private func drop(_ object: SchemaObject) throws(BatchError) {
        try gateway.run(script: "DROP \(object.type.uppercased()) IF EXISTS main.\(SQLName.quote(object.name))")
    }

    /// Tables before what stands on them.
    private static func rank(_ object: SchemaObject) -> Int {
        ["table", "index", "view", "trigger"].firstIndex(of: object.type) ?? 4
    }

    // MARK: Rows

    private func change(_ table: DatabaseDifference.Table, _ difference: DatabaseDifference) throws(BatchError) {
        var changes: [RowChange] = []
        try difference.forEachChange(of: table) { (row) throws(BatchError) in changes.append(row) }
        guard !changes.isEmpty else { return }
        guard let layout = table.after, table.before != nil else {
            // Only tables of SQLite itself can be here, and they cannot be made or dropped.
            throw refusal(table.name, "it cannot be made or dropped")
        }
        try ChangeWriter(gateway: gateway).write(changes, layout)
    }

    /// Puts rows of the other database back as they are there; all others stay as they are.
    func bringBack(_ choice: RowChoice) throws(BatchError) {
        let reader = try StoredRows(choice.layout, connection)
        var changes: [RowChange] = []
        try choice.forEachRow { (key, values) throws(BatchError) in
            let now = try reader.row(key)
            if now != values { changes.append(RowChange(key: key, before: now, after: values)) }
        }
        try ChangeWriter(gateway: gateway).write(changes, choice.layout)
    }

    /// Puts all rows of one tenant back as they are in the other database; those of others, and the tables that all
    /// share, stay as they are.
    func bringBack(rowsOf owner: RowOwner) throws(BatchError) {
        let difference = DatabaseDifference(old: connection, new: wanted)
        for table in try difference.tables() {
            guard let now = table.before, owner.isOwned(now) else {
                if let then = table.after, owner.isOwned(then), table.before == nil { throw changed(then.name) }
                continue
            }
            if let then = table.after, !now.holdsSameRows(as: then) { throw changed(now.name) }
            var changes: [RowChange] = []
            try difference.forEachChange(of: table) { (row) throws(BatchError) in
                if owner.mayShow(row, before: table.before, after: table.after) { changes.append(row) }
            }
            try ChangeWriter(gateway: gateway).write(changes, now)
        }
    }

    private func changed(_ table: String) -> BatchError {
        BatchError(
            .schemaChanged, "table \(table) has another shape now than at the point",
            hint: "rebuild the point to a new file instead: batchmgr restore --point POINT --to FILE")
    }

    private func refusal(_ table: String, _ why: String) -> BatchError {
        BatchError(
            .notUndoable, "table \(table) cannot be brought back in place: \(why)",
            hint: "rebuild the point to a new file instead: batchmgr restore --point POINT --to FILE")
    }
}

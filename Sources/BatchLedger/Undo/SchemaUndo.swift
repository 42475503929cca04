internal import BatchCore

/// Takes back a change of the schema: drops what the batch made, makes again what it dropped. Rows of tables that come
/// back follow from the log.
struct SchemaUndo {
    private let gateway: Gateway
    private let connection: Connection
    private let schema: SchemaReader

    /// Why it cannot be done.
    struct Problem {
        let table: String
        let expected: String
        let found: String
    }

    init(_ gateway: Gateway) {
        self.gateway = gateway
        connection = gateway.connection
        schema = SchemaReader(gateway.connection)
    }

    /// Nil when it is done.
    func undo(_ change: SchemaChange) throws(BatchError) -> Problem? {
        let current = try schema.objects()
        if let problem = try check(change, current) { return problem }
        // Rows that the dropped tables hold now must come back when this rollback is undone in turn.
        for object in change.after where object.type == "table" {
            if let layout = try schema.layout(named: object.name) { try gateway.recordRows(of: layout) }
        }
        try drop(change.after)
        let cameBack = change.before.filter(\.isVirtualTable)
        for object in change.before where object.type == "table" && !object.isVirtualTable { try create(object) }
        try SchemaText(connection).write { (edit) throws(BatchError) in
            for object in cameBack { try edit.insert(virtualTable: object) }
        }
        if !cameBack.isEmpty { try SchemaText(connection).reload() }
        for type in ["index", "view", "trigger"] {
            for object in change.before where object.type == type { try create(object) }
        }
        try restorePlaces(change.before)
        try gateway.noteSchemaChange(from: current)
        return nil
    }

    private func check(_ change: SchemaChange, _ current: [SchemaObject]) throws(BatchError) -> Problem? {
        for object in change.after {
            guard let now = current.first(where: { $0.type == object.type && $0.name == object.name }) else {
                return Problem(table: object.name, expected: "the \(object.type) that the batch made", found: "none")
            }
            guard now.sql == object.sql else {
                return Problem(
                    table: object.name, expected: "the \(object.type) as the batch left it", found: "another definition"
                )
            }
        }
        for object in change.before where object.sql != nil {
            let isReplaced = change.after.contains { $0.name == object.name }
            if !isReplaced, current.contains(where: { $0.name == object.name }) {
                return Problem(table: object.name, expected: "nothing of this name", found: "a new definition")
            }
        }
        for (name, digest) in change.digests {
            guard let layout = try schema.layout(named: name) else { continue }
            let now = try StateDigest.compute(layout, connection)
            if now != digest {
                return Problem(
                    table: name, expected: "\(digest.rows) rows as the batch left them",
                    found: "\(now.rows) rows, changed since")
            }
        }
        return nil
    }

    private func drop(_ objects: [SchemaObject]) throws(BatchError) {
        for type in ["trigger", "view", "index"] {
            for object in objects where object.type == type && object.sql != nil {
                try connection.execute("DROP \(type.uppercased()) IF EXISTS main.\(SQLName.quote(object.name))")
            }
        }
        // A virtual table takes its shadow tables with it.
        let tables = objects.filter { $0.type == "table" }
        for object in tables.filter(\.isVirtualTable) + tables.filter({ !$0.isVirtualTable }) {
            if object.name.hasPrefix("sqlite_") { continue }
            try connection.execute("DROP TABLE IF EXISTS main.\(SQLName.quote(object.name))")
        }
    }

    private func create(_ object: SchemaObject) throws(BatchError) {
        guard let sql = object.sql, !object.name.hasPrefix("sqlite_") else { return }
        try connection.execute(sql)
    }

    /// Triggers fire in the order of the schema, so objects get their old places back.
    private func restorePlaces(_ objects: [SchemaObject]) throws(BatchError) {
        try SchemaText(connection).write { (edit) throws(BatchError) in
            for object in objects {
                if let sql = object.sql { try edit.set(sql: sql, type: object.type, name: object.name) }
                try edit.set(rowid: object.rowid, type: object.type, name: object.name)
            }
        }
    }
}

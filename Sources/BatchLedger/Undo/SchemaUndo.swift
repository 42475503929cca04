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
        try gateway.liftGuard()
        let current = try schema.objectsAndSettings()
        let replaced = change.replacedTables
        if let problem = try check(change, current, replaced) { return problem }
        // Rows that the dropped tables hold now must come back when this rollback is undone in turn.
        for object in replaced {
            if let layout = try schema.layout(named: object.name) { try gateway.recordRows(of: layout) }
        }
        let attached = objects(current, attachedTo: replaced, change)
        try drop(change, replaced)
        try dropSystemTables(change)
        if let problem = try create(change.before + attached) { return problem }
        try restoreText(change.before)
        for setting in change.before + change.after where setting.isSetting {
            let value = change.before.first { $0.isSetting && $0.name == setting.name }?.sql ?? "0"
            try connection.execute("PRAGMA main.\(setting.name) = \(Int64(value) ?? 0)")
        }
        let (first, last) = places(of: change, current, replaced)
        try SchemaEditor(connection).restorePlaces(of: first + attached)
        try gateway.noteSchemaChange(from: current, recorded: Set(replaced.map(\.name)))
        guard !last.isEmpty else { return nil }
        let moved = try schema.objectsAndSettings()
        try SchemaEditor(connection).restorePlaces(of: last)
        try gateway.noteSchemaChange(from: moved, recorded: [])
        return nil
    }

    /// What gets its old place back with its text, and the tables that get it afterwards: one whose text and place change
    /// at once is taken for a new one, and its rows for lost. A virtual table bears no second step: it would be opened
    /// when its rows are gone.
    private func places(
        of change: SchemaChange, _ current: [SchemaObject], _ replaced: [SchemaObject]
    ) -> (first: [SchemaObject], last: [SchemaObject]) {
        if (change.before + change.after).contains(where: \.isVirtualTable) { return (change.before, []) }
        func isLast(_ object: SchemaObject) -> Bool {
            guard object.type == "table", !replaced.contains(where: { $0.name == object.name }),
                let now = current.first(where: { $0.type == "table" && $0.name == object.name })
            else { return false }
            return now.rowid != object.rowid && now.sql != object.sql
        }
        return (change.before.filter { !isLast($0) }, change.before.filter(isLast))
    }

    /// Indexes and triggers that the change did not touch, but that go when their table is dropped.
    private func objects(
        _ current: [SchemaObject], attachedTo replaced: [SchemaObject], _ change: SchemaChange
    ) -> [SchemaObject] {
        let names = Set(replaced.map(\.name))
        return current.filter { object in
            names.contains(object.tableName) && object.type != "table" && !change.after.contains { $0.isAlike(object) }
        }
    }

    private func check(
        _ change: SchemaChange, _ current: [SchemaObject], _ replaced: [SchemaObject]
    ) throws(BatchError) -> Problem? {
        if let problem = checkTexts(change, current) ?? checkAttached(change, current, replaced) { return problem }
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

    /// A table that goes for good must not take with it what a later batch made.
    private func checkAttached(
        _ change: SchemaChange, _ current: [SchemaObject], _ replaced: [SchemaObject]
    ) -> Problem? {
        let returning = Set(change.before.map(\.name))
        let gone = replaced.filter { !returning.contains($0.name) }
        let later = objects(current, attachedTo: gone, change).first { $0.sql != nil }
        return later.map {
            Problem(
                table: $0.tableName, expected: "the table as the batch left it", found: "\($0.type) \($0.name) on it")
        }
    }

    private func checkTexts(_ change: SchemaChange, _ current: [SchemaObject]) -> Problem? {
        for object in change.after where !object.isSystem {
            guard let now = current.first(where: { $0.type == object.type && $0.name == object.name }) else {
                return Problem(table: object.name, expected: "the \(object.type) that the batch made", found: "none")
            }
            guard now.sql == object.sql else {
                return Problem(
                    table: object.name, expected: "the \(object.type) as the batch left it", found: "another definition"
                )
            }
        }
        for object in change.before where object.sql != nil && !object.isSystem {
            let isReplaced = change.after.contains { $0.name == object.name }
            if !isReplaced, current.contains(where: { $0.name == object.name }) {
                return Problem(table: object.name, expected: "nothing of this name", found: "a new definition")
            }
            if ["index", "trigger"].contains(object.type), !isThere(object.tableName, current, change) {
                return Problem(
                    table: object.tableName, expected: "the table of \(object.type) \(object.name)", found: "none")
            }
        }
        return nil
    }

    /// True for a table or view that stays, or comes back.
    private func isThere(_ name: String, _ current: [SchemaObject], _ change: SchemaChange) -> Bool {
        let stays = current.filter { now in !change.after.contains { $0.type == now.type && $0.name == now.name } }
        return (stays + change.before).contains {
            ($0.type == "table" || $0.type == "view") && SQLName.areSame($0.name, name)
        }
    }

    private func drop(_ change: SchemaChange, _ replaced: [SchemaObject]) throws(BatchError) {
        for type in ["trigger", "view", "index"] {
            for object in change.after where object.type == type && object.sql != nil {
                // Where the text alone differs it is put back later, so that what hangs on a view stays.
                if change.before.contains(where: {
                    $0.type == type && $0.name == object.name && $0.rowid == object.rowid
                        && $0.tableName == object.tableName
                }),
                    type != "index"
                {
                    continue
                }
                try connection.execute("DROP \(type.uppercased()) IF EXISTS main.\(SQLName.quote(object.name))")
            }
        }
        // A virtual table takes its shadow tables with it.
        for object in replaced.filter(\.isVirtualTable) + replaced.filter({ !$0.isVirtualTable }) {
            try connection.execute("DROP TABLE IF EXISTS main.\(SQLName.quote(object.name))")
        }
    }

    /// Drops the tables that SQLite made for itself during the change, when nothing needs them any more.
    private func dropSystemTables(_ change: SchemaChange) throws(BatchError) {
        for object in change.after where object.isSystem {
            if change.before.contains(where: { $0.name == object.name }) { continue }
            if object.name != SystemTables.sequence {
                try connection.execute("DROP TABLE IF EXISTS main.\(object.name)")
            } else if try !schema.tables().contains(where: \.isAutoincrement) {
                try SchemaEditor(connection).dropSequence()
            }
        }
    }

    private func create(_ objects: [SchemaObject]) throws(BatchError) -> Problem? {
        let present = Set(try schema.objects().map { "\($0.type) \($0.name)" })
        let missing = objects.filter { $0.sql != nil && !present.contains("\($0.type) \($0.name)") }
        for object in missing where object.type == "table" && !object.isVirtualTable && !object.isSystem {
            try connection.execute(object.sql ?? "", isVerbatim: true)
        }
        try SchemaEditor(connection).write { (edit) throws(BatchError) in
            for object in missing where object.isVirtualTable { try edit.insert(virtualTable: object) }
        }
        try createSystemTables(missing)
        if missing.contains(where: \.isVirtualTable) { try SchemaEditor(connection).reload() }
        for object in missing where object.type == "index" {
            if let problem = try create(index: object) { return problem }
        }
        for type in ["view", "trigger"] {
            for object in missing where object.type == type {
                try connection.execute(object.sql ?? "", isVerbatim: true)
            }
        }
        return nil
    }

    private func create(index: SchemaObject) throws(BatchError) -> Problem? {
        do throws(BatchError) {
            try connection.execute(index.sql ?? "", isVerbatim: true)
            return nil
        } catch {
            guard error.code == .constraint else { throw error }
            return Problem(
                table: index.tableName, expected: "no two rows that unique index \(index.name) counts as equal",
                found: "such rows, written since")
        }
    }

    private func createSystemTables(_ missing: [SchemaObject]) throws(BatchError) {
        for object in missing where object.isSystem {
            let exists = try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = ?", [.string(object.name)])
            if exists != nil { continue }
            let connection = self.connection
            try SchemaEditor(connection).write { (_) throws(BatchError) in
                try connection.execute(object.sql ?? "", isVerbatim: true)
            }
        }
    }

    private func restoreText(_ objects: [SchemaObject]) throws(BatchError) {
        try SchemaEditor(connection).write { (edit) throws(BatchError) in
            for object in objects {
                if let sql = object.sql { try edit.set(sql: sql, type: object.type, name: object.name) }
            }
        }
        try SchemaEditor(connection).reload()
    }
}

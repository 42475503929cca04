internal import BatchCore
internal import BatchLedger

/// Builds a database file in a temporary place: tables, then rows, then all that hangs on them.
///
/// Views, triggers and virtual tables are written into the schema as text, as the sqlite3 shell's `.dump` does: they need
/// no module and no function that only the application has, and no trigger fires while rows come in.
final class DatabaseBuilder {
    let connection: Connection
    private let state: DatabaseState
    private let path: String
    /// Tables that SQLite makes itself are built under another name.
    private var standIns: [String: String] = [:]
    private var revealed: [String: String] = [:]
    /// Indexes whose content only the application can compute: it has to REINDEX them.
    private(set) var staleIndexes: [String] = []

    /// Tables that were made here, empty at first.
    private(set) var newTables: Set<String> = []

    /// Begins a new file.
    convenience init(at path: String, state: DatabaseState) throws(BatchError) {
        let connection = try DatabaseBuilder.open(path, .create, for: state.objects)
        let settings = state.settings
        try connection.execute("PRAGMA page_size=\(settings.pageSize)")
        try connection.execute("PRAGMA encoding=\(SQLName.literal(settings.encoding))")
        try connection.execute("PRAGMA auto_vacuum=\(settings.autoVacuum)")
        self.init(connection, path: path, state: state)
        try connection.execute("BEGIN")
        // SQLite notes the encoding in the file with the first object that is created. Where there are views alone, which
        // are only written into the schema as text, nobody would.
        try connection.execute("CREATE VIEW main.\"~\" AS SELECT 1; DROP VIEW main.\"~\"")
        try createTables()
    }

    /// Begins with a file that holds another state of the same database. It loses all that is not in `state`, and the
    /// `rewritten` tables.
    convenience init(changing path: String, to state: DatabaseState, rewritten: Set<String>) throws(BatchError) {
        try DatabaseBuilder.strip(path)
        self.init(try DatabaseBuilder.open(path, .readWrite, for: state.objects), path: path, state: state)
        // A statement that meets a constraint has to be taken back alone.
        try connection.execute("PRAGMA journal_mode=DELETE")
        try connection.execute("BEGIN")
        try dropOldObjects(rewritten: rewritten)
        try createTables()
    }

    private init(_ connection: Connection, path: String, state: DatabaseState) {
        self.connection = connection
        self.path = path
        self.state = state
    }

    private static func open(
        _ path: String, _ mode: Connection.Mode, for objects: [SchemaObject] = []
    ) throws(BatchError) -> Connection {
        let connection = try Connection(path: path, mode: mode)
        connection.tolerateUnknownCollations()
        // The file is thrown away when anything fails, so nothing of it needs a journal.
        try connection.execute(
            """
            PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF; PRAGMA cache_size=-65536;
            PRAGMA ignore_check_constraints=ON; PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=FILE
            """)
        try connection.distrustSchema(of: objects)
        return connection
    }

    // MARK: Old objects

    /// Takes what has no rows out of the schema, without asking the modules behind it.
    private static func strip(_ path: String) throws(BatchError) {
        let connection = try open(path, .readWrite)
        try connection.execute(
            """
            PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE coalesce(rootpage, 0) = 0;
            PRAGMA writable_schema=OFF
            """)
    }

    private func dropOldObjects(rewritten: Set<String>) throws(BatchError) {
        let kept = Set(state.objects.filter { !rewritten.contains($0.tableName) }.map(Identity.init))
        let old = try connection.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        for type in ["index", "table"] {
            for row in old where row[0].string == type {
                let object = SchemaObject(
                    rowid: 0, type: type, name: row[1].string ?? "", tableName: row[2].string ?? "", sql: row[3].string)
                if kept.contains(Identity(object)) || object.name == "sqlite_sequence" { continue }
                try connection.execute("DROP \(type) IF EXISTS main.\(SQLName.quote(object.name))")
            }
        }
        let sequence = "sqlite_sequence"
        if !state.objects.contains(where: { $0.name == sequence }), try exists("table", sequence) {
            try SchemaEditor(connection).dropSequence()
        }
    }

    private struct Identity: Hashable {
        let type: String
        let name: String
        let sql: String?

        init(_ object: SchemaObject) {
            type = object.type
            name = object.name
            sql = object.sql
        }
    }

    private func exists(_ type: String, _ name: String) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT 1 FROM main.sqlite_schema WHERE type = ? AND name = ?", [.string(type), .string(name)]) != nil
    }

    // MARK: Tables

    /// SQLite compiles the text of a view, a trigger or a virtual table whenever it opens the file, and runs nothing.
    private static func isDefinition(_ sql: String, of type: String) -> Bool {
        switch type {
        case "view", "trigger": SQLText.opening(of: sql, count: 2) == ["create", type]
        case "table": SQLText.opening(of: sql, count: 3) == ["create", "virtual", "table"]
        default: false
        }
    }

    private static func isVirtual(_ object: SchemaObject) -> Bool {
        object.sql?.uppercased().hasPrefix("CREATE VIRTUAL") == true
    }

    private func createTables() throws(BatchError) {
        for object in state.objects where object.type == "table" && !DatabaseBuilder.isVirtual(object) {
            if try exists("table", object.name) { continue }
            if object.name == "sqlite_sequence" { continue }
            newTables.insert(object.name)
            if object.name.hasPrefix("sqlite_") {
                try createStandIn(object)
            } else {
                try define(object)
            }
        }
        if state.objects.contains(where: { $0.name == "sqlite_sequence" }), try !exists("table", "sqlite_sequence") {
            // It stays when the last table with AUTOINCREMENT goes.
            try connection.execute("CREATE TABLE \"~\"(id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE \"~\"")
        }
    }

    /// Runs the text of a table or an index, which comes from a copy that somebody may have edited.
    private func define(_ object: SchemaObject) throws(BatchError) {
        do throws(BatchError) {
            try CopiedDefinition(object.sql ?? "", on: connection).run()
        } catch  where error.code == .sql && object.type == "table" {
            throw DatabaseBuilder.unusable(object, error.message)
        }
        guard try exists(object.type, object.name) else {
            throw DatabaseBuilder.unusable(object, "it makes another object")
        }
    }

    private static func unusable(_ object: SchemaObject, _ why: String) -> BatchError {
        BatchError(
            .corruptRecord, "the definition of \(object.type) \(object.name) in the copy cannot be used: \(why)",
            hint:
                "restore the point from its other copy: \(command: "restore --point POINT --source git --to FILE") or bak"
        )
    }

    private func createStandIn(_ object: SchemaObject) throws(BatchError) {
        let name = "~" + object.name
        guard object.name.hasPrefix("sqlite_stat"), let columns = object.sql?.firstIndex(of: "("), let sql = object.sql
        else { throw DatabaseBuilder.unusable(object, "SQLite has no such table of its own") }
        try CopiedDefinition("CREATE TABLE main.\(SQLName.quote(name))\(sql[columns...])", on: connection).run()
        standIns[name] = object.name
    }

    /// The tables that rows are to be inserted into: those of the system last, because inserting fills them too.
    func tables() throws(BatchError) -> [(name: String, layout: TableLayout)] {
        let layouts = try SchemaReader(connection).tables().map { (name: standIns[$0.name] ?? $0.name, layout: $0) }
        return layouts.filter { !$0.name.hasPrefix("sqlite_") } + layouts.filter { $0.name.hasPrefix("sqlite_") }
    }

    /// Makes the rowid of a table nameable that hides it; `conceal` undoes that before indexes are made.
    func reveal(_ layout: TableLayout) throws(BatchError) -> TableLayout {
        guard case .rowid(nil) = layout.key,
            let hiding = layout.columns.first(where: { $0.name.lowercased() == "oid" })
        else { return layout }
        let table = layout.quotedName
        try connection.execute("ALTER TABLE main.\(table) RENAME COLUMN \(SQLName.quote(hiding.name)) TO \"~oid\"")
        revealed[layout.name] = hiding.name
        return try SchemaReader(connection).layout(named: layout.name) ?? layout
    }

    /// The lines in git call a revealed column by its own name.
    func lineFormat(_ layout: TableLayout) -> LineFormat {
        LineFormat(layout, renaming: revealed[layout.name].map { ["~oid": $0] } ?? [:])
    }

    private func conceal() throws(BatchError) {
        for (table, column) in revealed {
            try connection.execute(
                "ALTER TABLE main.\(SQLName.quote(table)) RENAME COLUMN \"~oid\" TO \(SQLName.quote(column))")
        }
    }

    /// Fills the tables from a file that has the same ones, without its free pages. The rowids that columns hide are
    /// numbered anew.
    func copyRows(from path: String) throws(BatchError) {
        // A view of the file may say "main", which it is not here; with this SQLite passes over what it cannot read.
        try connection.execute("PRAGMA writable_schema=ON")
        defer { try? connection.execute("PRAGMA writable_schema=OFF") }
        try connection.run("ATTACH ? AS source", [.string(path)])
        let names = connection.ledgerNames
        for (name, layout) in try tables() {
            var columns = layout.storedColumns.map { SQLName.quote(layout.columns[$0].name) }
            if let rowid = layout.rowidName, layout.integerPrimaryKey == nil { columns.insert(rowid, at: 0) }
            if layout.role == .system { try connection.execute("DELETE FROM main.\(layout.quotedName)") }
            if columns.isEmpty { continue }
            let list = columns.joined(separator: ", ")
            try connection.execute(
                "INSERT INTO main.\(layout.quotedName)(\(list)) SELECT \(list) FROM source.\(SQLName.quote(name))"
                    + (layout.userRows(names).map { " WHERE \($0)" } ?? ""))
        }
        // Detached when the connection is closed: SQLite does not let go of it inside a transaction.
    }

    // MARK: The rest

    /// Makes indexes, views, triggers and virtual tables, puts the schema in order and closes the file.
    func finish() throws(BatchError) {
        try conceal()
        for object in state.objects where object.type == "index" && object.sql != nil {
            if try !exists("index", object.name) { try createIndex(object) }
        }
        try connection.execute("PRAGMA writable_schema=ON")
        try writeSchemaTexts()
        try orderSchema()
        try connection.execute("PRAGMA main.user_version=\(state.settings.userVersion)")
        try connection.execute("PRAGMA main.application_id=\(state.settings.applicationID)")
        try connection.execute("COMMIT")
        connection.dropCachedStatements()
        if state.settings.journalMode == "wal" { try markWAL() }
    }

    private func createIndex(_ object: SchemaObject) throws(BatchError) {
        do {
            try define(object)
        } catch  where error.code == .sql {
            // It needs a function that is not here. A plain index keeps its place until the application reindexes.
            let table = SQLName.quote(object.tableName)
            let column = try connection.value("SELECT name FROM pragma_table_info(?)", [.string(object.tableName)])
            let term = SQLName.quote(column?.string ?? "")
            try connection.execute("CREATE INDEX main.\(SQLName.quote(object.name)) ON \(table)(\(term))")
            staleIndexes.append(object.name)
        }
    }

    private func writeSchemaTexts() throws(BatchError) {
        for (name, real) in standIns {
            try connection.run(
                "UPDATE main.sqlite_schema SET name = ?2, tbl_name = ?2 WHERE name = ?1",
                [.string(name), .string(real)])
        }
        for object in state.objects {
            guard let sql = object.sql else { continue }
            if ["table", "index"].contains(object.type) && !DatabaseBuilder.isVirtual(object) {
                try connection.run(
                    "UPDATE main.sqlite_schema SET sql = ?3 WHERE type = ?1 AND name = ?2 AND sql <> ?3",
                    [.string(object.type), .string(object.name), .string(sql)])
            } else {
                guard DatabaseBuilder.isDefinition(sql, of: object.type) else {
                    throw DatabaseBuilder.unusable(object, "it is not such a definition")
                }
                try connection.run(
                    "INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, 0, ?)",
                    [.string(object.type), .string(object.name), .string(object.tableName), .string(sql)])
            }
        }
    }

    /// The order of the schema decides in which order triggers fire and in which order `.dump` prints.
    private func orderSchema() throws(BatchError) {
        let most = state.objects.map(\.rowid).max() ?? 0
        let last = try connection.value("SELECT max(rowid) FROM main.sqlite_schema")?.integer ?? 0
        let shift = max(most, last) + 1
        try connection.execute("UPDATE main.sqlite_schema SET rowid = rowid + \(shift)")
        for object in state.objects {
            try connection.run(
                "UPDATE main.sqlite_schema SET rowid = ?1 WHERE type = ?2 AND name = ?3",
                [.integer(object.rowid), .string(object.type), .string(object.name)])
        }
    }

    /// WAL is a property of the file: two bytes of its header.
    private func markWAL() throws(BatchError) {
        try connection.execute("PRAGMA locking_mode=NORMAL; SELECT 1 FROM main.sqlite_schema LIMIT 1")
        try connection.execute("PRAGMA writable_schema=OFF; PRAGMA main.journal_mode=WAL")
    }
}

public import BatchCore
internal import CSQLite

/// Writes rows of `sqlite_schema` directly: only to give objects the exact text and place that they had before.
public struct SchemaEditor {
    private let connection: Connection

    public init(_ connection: Connection) { self.connection = connection }

    /// Triggers fire in the order of the schema, so objects get their old places back, as far as they are there.
    public func restorePlaces(of objects: [SchemaObject]) throws(BatchError) {
        try write { (edit) throws(BatchError) in
            try edit.makeRoom(at: objects.map(\.rowid))
            // Out of the way first: two objects may have to swap.
            for (index, object) in objects.enumerated() {
                try edit.setAside(Int64(index), type: object.type, name: object.name)
            }
            for object in objects { try edit.set(rowid: object.rowid, type: object.type, name: object.name) }
            try edit.putBehindTables()
        }
        try reload()
    }

    struct Edit {
        fileprivate let connection: Connection

        func set(sql: String, type: String, name: String) throws(BatchError) {
            try connection.run(
                "UPDATE main.sqlite_schema SET sql = ? WHERE type = ? AND name = ? AND sql IS NOT ?",
                [.string(sql), .string(type), .string(name), .string(sql)])
        }

        /// Moves an object to its old place, when that is free.
        func set(rowid: Int64, type: String, name: String) throws(BatchError) {
            try connection.run(
                """
                UPDATE main.sqlite_schema SET rowid = ?1 WHERE type = ?2 AND name = ?3 AND rowid <> ?1 \
                AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE rowid = ?1)
                """,
                [.integer(rowid), .string(type), .string(name)])
        }

        /// Moves what belongs to the ledger after everything else when it has one of these places. SQLite wants a table
        /// before its indexes, so all of it moves, in its order, which matters to nobody.
        func makeRoom(at rowids: [Int64]) throws(BatchError) {
            let names = connection.ledgerNames.objects.sorted().map(SQLName.literal).joined(separator: ", ")
            let condition =
                "name LIKE 'batchmgr\\_guard\\_%' ESCAPE '\\' OR name IN (\(names)) OR tbl_name IN (\(names))"
            let taken = try connection.rows("SELECT rowid FROM main.sqlite_schema WHERE \(condition)")
            guard !Set(taken.compactMap { $0[0].integer }).isDisjoint(with: rowids) else { return }
            try connection.run(
                """
                UPDATE main.sqlite_schema SET rowid = rowid + (SELECT max(rowid) FROM main.sqlite_schema) + 1000 \
                WHERE \(condition)
                """)
        }

        /// Moves an object after all others.
        func setAside(_ index: Int64, type: String, name: String) throws(BatchError) {
            try connection.run(
                """
                UPDATE main.sqlite_schema SET rowid = (SELECT max(rowid) + 1000 + ? FROM main.sqlite_schema) \
                WHERE type = ? AND name = ?
                """,
                [.integer(index), .string(type), .string(name)])
        }

        /// Moves indexes and triggers after their tables, where SQLite looks for them: after VACUUM, another object may
        /// have the place of a table, and none that of its index.
        func putBehindTables() throws(BatchError) {
            try connection.run(
                """
                UPDATE main.sqlite_schema AS s SET rowid = rowid + (SELECT max(rowid) FROM main.sqlite_schema) \
                WHERE type IN ('index', 'trigger') AND EXISTS (SELECT 1 FROM main.sqlite_schema t \
                WHERE t.type IN ('table', 'view') AND t.name = s.tbl_name AND t.rowid > s.rowid)
                """)
        }

        /// Enters a virtual table without calling its module: its shadow tables come back on their own.
        func insert(virtualTable object: SchemaObject) throws(BatchError) {
            try connection.run(
                "INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES('table', ?, ?, 0, ?)",
                [.string(object.name), .string(object.name), .optional(object.sql)])
        }
    }

    func write(_ body: (Edit) throws(BatchError) -> Void) throws(BatchError) {
        var defensive: Int32 = 0
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, -1, &defensive)
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, 0, nil)
        try connection.execute("PRAGMA writable_schema = ON")
        defer {
            try? connection.execute("PRAGMA writable_schema = OFF")
            csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, defensive, nil)
        }
        try body(Edit(connection: connection))
    }

    /// Drops `sqlite_sequence`, which SQL cannot: the table gets a name that SQL can drop.
    public func dropSequence() throws(BatchError) {
        let stand = "batchmgr_dropped_sequence"
        try write { (edit) throws(BatchError) in
            try edit.connection.run(
                """
                UPDATE main.sqlite_schema SET name = ?1, tbl_name = ?1, sql = 'CREATE TABLE ' || ?1 || '(name,seq)' \
                WHERE type = 'table' AND name = 'sqlite_sequence'
                """,
                [.string(stand)])
        }
        try reload()
        try connection.execute("DROP TABLE IF EXISTS main.\(stand)")
    }

    /// Makes this connection and all others read the schema again, after rows were entered by hand.
    func reload() throws(BatchError) {
        let version = try connection.value("PRAGMA main.schema_version")?.integer ?? 0
        try connection.execute("PRAGMA main.schema_version = \(version &+ 1)")
    }
}

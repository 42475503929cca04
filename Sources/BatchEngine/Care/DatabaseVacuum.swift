internal import BatchCore
internal import BatchLedger

/// VACUUM, after which every record still fits.
///
/// SQLite numbers the rows anew of tables that have neither a key nor an index (VACUUM of 3.40.1 takes `OP_NewRowid` for
/// these alone), and the records know rows by their numbers. An index that holds no row keeps the numbers. The objects of
/// the schema, which SQLite puts into another order, get their old places back, and `sqlite_sequence`, which it leaves out
/// when no table with AUTOINCREMENT is there any more, is made again.
struct DatabaseVacuum {
    let session: Session

    private var connection: Connection { session.connection }

    func perform() throws(BatchError) {
        let schema = SchemaReader(connection)
        let cookie = try schema.version()
        let objects = try schema.objects()
        let counters = try counters()
        connection.dropCachedStatements()
        let helpers = try numberedTables().enumerated().map { ("batchmgr_vacuum_\($0.offset + 1)", $0.element) }
        defer {
            for (index, _) in helpers { try? connection.execute("DROP INDEX IF EXISTS main.\(SQLName.quote(index))") }
        }
        try connection.transaction { () throws(BatchError) in
            for (index, table) in helpers {
                try connection.execute("DROP INDEX IF EXISTS main.\(SQLName.quote(index))")
                try connection.execute(
                    "CREATE INDEX main.\(SQLName.quote(index)) ON \(SQLName.quote(table.name))(\(SQLName.quote(table.column))) WHERE 0"
                )
            }
        }
        session.context.reach("vacuum-begun")
        try connection.execute("VACUUM main")
        session.context.reach("vacuumed")
        try connection.transaction { () throws(BatchError) in
            for (index, _) in helpers { try connection.execute("DROP INDEX main.\(SQLName.quote(index))") }
            if let counters, try self.counters() == nil { try restore(counters) }
            guard try session.ledger.exists() else { return }
            // SQLite puts tables first, and restore points tell the order as well.
            if try schema.objects() != objects { try SchemaEditor(connection).restorePlaces(of: objects) }
            try session.ledger.meetSchemaVersion(cookie)
        }
        // Of a WAL database the file shrinks with the next checkpoint.
        _ = try? connection.value("PRAGMA main.wal_checkpoint(TRUNCATE)")
    }

    /// The rows of `sqlite_sequence`; nil when it is not there.
    private func counters() throws(BatchError) -> [[SQLValue]]? {
        let exists = try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'")
        if exists == nil { return nil }
        return try connection.rows("SELECT rowid, name, seq FROM main.sqlite_sequence ORDER BY rowid")
    }

    /// SQLite alone makes that table, with the first one that has AUTOINCREMENT.
    private func restore(_ counters: [[SQLValue]]) throws(BatchError) {
        try connection.execute(
            "CREATE TABLE main.batchmgr_vacuum(a INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE main.batchmgr_vacuum")
        for row in counters {
            try connection.run("INSERT INTO main.sqlite_sequence(rowid, name, seq) VALUES(?, ?, ?)", row)
        }
    }

    /// Tables whose rows SQLite would number anew, with a column of each.
    private func numberedTables() throws(BatchError) -> [(name: String, column: String)] {
        let sql = """
            SELECT m.name, (SELECT c.name FROM pragma_table_xinfo(m.name, 'main') c WHERE c.hidden = 0 LIMIT 1)
            FROM main.sqlite_schema m
            WHERE m.type = 'table' AND m.rootpage > 0 AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            AND NOT EXISTS(SELECT 1 FROM pragma_index_list(m.name, 'main'))
            AND NOT EXISTS(SELECT 1 FROM pragma_table_info(m.name, 'main') WHERE pk > 0)
            """
        return try connection.rows(sql).compactMap { row in
            guard let name = row[0].string, let column = row[1].string, !connection.isLedger(name) else { return nil }
            return (name, column)
        }
    }
}

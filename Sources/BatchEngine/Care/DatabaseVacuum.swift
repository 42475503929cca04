internal import BatchCore
internal import BatchLedger

/// VACUUM, after which every record still fits.
///
/// SQLite numbers the rows anew of tables that have neither a key nor an index (VACUUM of 3.40.1 takes `OP_NewRowid` for
/// these alone), and the records know rows by their numbers. An index that holds no row keeps the numbers. The objects of
/// the schema, which SQLite puts into another order, get their old places back, and `sqlite_sequence`, which it leaves out
/// when no table with AUTOINCREMENT is there any more, is made again.
///
/// VACUUM ends the transaction that it is called in, so what is to be done after it is noted before it: when the process
/// dies, or the disk is full, the next command that takes the lease does it.
struct DatabaseVacuum {
    static let key = "pending_vacuum"

    let session: Session

    private var connection: Connection { session.connection }
    private var ledger: Ledger { session.ledger }

    func perform() throws(BatchError) {
        if try ledger.exists() { try keepingRecords() } else { try vacuum() }
        // Of a WAL database the file shrinks with the next checkpoint.
        _ = try? connection.value("PRAGMA main.wal_checkpoint(TRUNCATE)")
    }

    private func keepingRecords() throws(BatchError) {
        try finish()
        try connection.transaction { () throws(BatchError) in
            let tables = try numberedTables()
            let aim = try VacuumAim(of: connection, helpers: tables.count)
            for (table, index) in zip(tables, aim.helpers) { try addHelper(index, to: table) }
            try ledger.setMeta(DatabaseVacuum.key, aim.text)
        }
        session.context.reach("vacuum-begun")
        do throws(BatchError) {
            try vacuum()
        } catch {
            try? finish()
            throw error
        }
        session.context.reach("vacuumed")
        try finish()
    }

    private func vacuum() throws(BatchError) {
        connection.dropCachedStatements()
        try connection.execute("VACUUM main")
    }

    /// One was begun, and is not at its end.
    var isPending: Bool { (try? ledger.meta(DatabaseVacuum.key))?.isEmpty == false }

    /// Does what is left to do after VACUUM; nothing when there is nothing.
    func finish() throws(BatchError) {
        guard let text = try ledger.meta(DatabaseVacuum.key), !text.isEmpty else { return }
        let aim = try VacuumAim(text)
        try connection.transaction { () throws(BatchError) in
            for index in aim.helpers { try connection.execute("DROP INDEX IF EXISTS main.\(SQLName.quote(index))") }
            try restore(aim.counters)
            let places = try SchemaReader(connection).objects()
            // SQLite puts tables first, and restore points tell the order as well.
            if !aim.isOrder(of: places) { try SchemaEditor(connection).restorePlaces(of: aim.objects) }
            try ledger.meetSchemaVersion(aim.cookie)
            try ledger.setMeta(DatabaseVacuum.key, "")
        }
    }

    /// Puts an index that holds no row onto a table.
    private func addHelper(_ index: String, to table: (name: String, column: String)) throws(BatchError) {
        let (index, name, column) = (SQLName.quote(index), SQLName.quote(table.name), SQLName.quote(table.column))
        try connection.execute("DROP INDEX IF EXISTS main.\(index)")
        try connection.execute("CREATE INDEX main.\(index) ON \(name)(\(column)) WHERE 0")
    }

    /// SQLite alone makes `sqlite_sequence`, with the first table that has AUTOINCREMENT.
    private func restore(_ counters: [[SQLValue]]?) throws(BatchError) {
        guard let counters, try VacuumAim.counters(in: connection) == nil else { return }
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

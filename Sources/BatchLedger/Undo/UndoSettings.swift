public import BatchCore
internal import CSQLite

/// Settings of a connection under which old rows can be put back as they were: what would change them on the way is off,
/// triggers, cascades, and checks that old rows need not pass.
public final class UndoSettings {
    private let connection: Connection
    private var foreignKeysWereOn = false
    private var triggersWereOn: Int32 = 1
    private var checksWereIgnored = false
    private var wasDefensive: Int32 = 0

    public init(_ connection: Connection) { self.connection = connection }

    public func open() throws(BatchError) {
        foreignKeysWereOn = try connection.value("PRAGMA foreign_keys")?.integer == 1
        checksWereIgnored = try connection.value("PRAGMA ignore_check_constraints")?.integer == 1
        try connection.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
        // Inside a transaction the PRAGMA does nothing.
        connection.enforceForeignKeys(false)
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, -1, &wasDefensive)
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, 0, nil)
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &triggersWereOn)
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nil)
    }

    /// Switches everything back on, also inside a transaction.
    public func close() {
        forgetModules()
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, triggersWereOn, nil)
        try? connection.execute("PRAGMA ignore_check_constraints = \(checksWereIgnored ? "ON" : "OFF")")
        csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, wasDefensive, nil)
        connection.enforceForeignKeys(foreignKeysWereOn)
    }

    /// Modules of virtual tables keep parts of their shadow tables in memory, which an undo changed behind their backs.
    func forgetModules() { try? connection.execute("PRAGMA writable_schema = RESET") }
}

/// The TEMP triggers of a host's connection. SQLite has a switch for the triggers of the schema and none for these, which
/// would change rows that an undo puts back.
public struct TemporaryTriggers {
    private let connection: Connection
    private let names: [String]
    private let definitions: [String]

    /// Finds them, but for those that record for us.
    public init(_ connection: Connection) throws(BatchError) {
        self.connection = connection
        let found = try connection.rows(
            """
            SELECT name, sql FROM temp.sqlite_schema WHERE type = 'trigger' AND sql IS NOT NULL \
            AND name NOT LIKE 'batchmgr\\_record\\_%' ESCAPE '\\' ORDER BY rowid
            """)
        // SQLite keeps the text from the name on, behind these words.
        let stored = "CREATE TRIGGER "
        names = found.compactMap { $0[0].string }
        definitions = found.compactMap { $0[1].string }.filter { $0.hasPrefix(stored) }
            .map { "CREATE TEMP TRIGGER " + $0.dropFirst(stored.count) }
    }

    /// Takes them away. Outside a transaction.
    public func lift() throws(BatchError) {
        for name in names { try connection.execute("DROP TRIGGER IF EXISTS temp.\(SQLName.quote(name))") }
    }

    /// Puts them back, in the order in which they were made. Those that are there stay.
    public func putBack() {
        for definition in definitions { try? connection.execute(definition) }
    }
}

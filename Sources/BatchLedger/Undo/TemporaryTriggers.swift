public import BatchCore

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

public import BatchCore
internal import CSQLite

/// What the schema of a file may call, which anybody may have written.
extension Connection {
    /// Lets the schema call harmless functions only.
    ///
    /// SQLite 3.38 to 3.40.1 do not count their own JSON functions among these, so that a table whose generated column,
    /// CHECK or index calls one could not even be read. With them such a schema is trusted: no function of an application is
    /// on this connection, and SQLite never lets a schema call the functions that act outside the database.
    ///
    /// Source: https://www.sqlite.org/pragma.html#pragma_trusted_schema
    /// - Parameter objects: what is to be made in the file, beside what is in it.
    public func distrustSchema(of objects: [SchemaObject] = []) throws(BatchError) {
        if Connection.distrustsJSON {
            if objects.contains(where: { $0.sql.map(Connection.mayCallJSON) ?? false }) { return }
            let texts = try rows("SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL")
            if texts.contains(where: { $0[0].string.map(Connection.mayCallJSON) ?? false }) { return }
        }
        try execute("PRAGMA trusted_schema=OFF")
    }

    private static var distrustsJSON: Bool { (3_038_000..<3_041_000).contains(sqlite3_libversion_number()) }

    private static func mayCallJSON(_ sql: String) -> Bool {
        let text = sql.utf8
        let isOperator = zip(text, text.dropFirst()).contains { $0 == UInt8(ascii: "-") && $1 == UInt8(ascii: ">") }
        return isOperator || sql.lowercased().contains("json")
    }
}

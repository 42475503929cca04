internal import BatchCore
internal import BatchLedger

/// The counters and statistics of a file, put back after its tables were written to: SQLite moves a counter with every
/// insert, and drops both with their table.
struct SystemRows {
    private var rows: [String: [[SQLValue]]] = [:]

    init(of path: String) throws(BatchError) {
        let file = try Connection(path: path, mode: .readOnly)
        let names = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name LIKE 'sqlite\\_%' ESCAPE '\\'"
        for name in try file.rows(names).compactMap({ $0[0].string }) {
            rows[name] = try file.rows("SELECT rowid, * FROM main.\(SQLName.quote(name))")
        }
    }

    /// Does nothing for a table that the file did not have.
    func restore(_ name: String, _ layout: TableLayout, on connection: Connection) throws(BatchError) {
        guard let rows = rows[name] else { return }
        let columns = layout.columns.map { SQLName.quote($0.name) }
        let places = columns.map { _ in ", ?" }.joined()
        try connection.execute("DELETE FROM main.\(layout.quotedName)")
        for row in rows {
            try connection.run(
                "INSERT INTO main.\(layout.quotedName)(rowid, \(columns.joined(separator: ", "))) VALUES (?\(places))",
                row)
        }
    }
}

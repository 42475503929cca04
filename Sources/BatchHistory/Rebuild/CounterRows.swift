internal import BatchCore
internal import BatchLedger

/// The AUTOINCREMENT counters of a file, put back after its tables were written to: SQLite moves them with every insert
/// and drops one with its table.
struct CounterRows {
    private let rows: [[SQLValue]]

    init(of path: String) throws(BatchError) {
        let file = try Connection(path: path, mode: .readOnly)
        let exists = try file.value("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'") != nil
        rows = exists ? try file.rows("SELECT rowid, name, seq FROM main.sqlite_sequence") : []
    }

    func restore(on connection: Connection) throws(BatchError) {
        try connection.execute("DELETE FROM main.sqlite_sequence")
        for row in rows {
            try connection.run("INSERT INTO main.sqlite_sequence(rowid, name, seq) VALUES (?, ?, ?)", row)
        }
    }
}

import BatchCore
import BatchLedger

/// A plain database on which statements run as any SQLite client would run them.
final class PlainModel {
    let connection: Connection
    private let images: ImageReader
    private let rowids: Bool

    /// Begins with all that `source` holds but the ledger.
    init(copying source: Connection, to path: String, _ traits: HistoryTraits) throws {
        connection = try Connection(path: path, mode: .create)
        try source.backup(to: connection)
        try connection.execute("PRAGMA journal_mode = DELETE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
        let own = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name LIKE 'batchmgr\\_%' ESCAPE '\\'"
        for row in try connection.prepare(own).all() { try connection.execute("DROP TABLE \(row[0].string ?? "")") }
        try connection.execute("PRAGMA foreign_keys = \(traits.enforcesForeignKeys ? "ON" : "OFF")")
        images = ImageReader(connection, keepsOrder: !traits.vacuums)
        rowids = traits.namesRowids
    }

    func content() throws -> Content { Content(try images.read(), rowids: rowids) }

    /// Runs the SQL of a checkpoint: all of it or nothing.
    func run(_ sql: String) throws(BatchError) {
        do throws(BatchError) {
            try connection.execute("BEGIN")
            try connection.execute(sql)
            try connection.execute("COMMIT")
        } catch {
            connection.rollbackIfOpen()
            throw error
        }
    }
}

extension Statement {
    fileprivate func all() throws -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        while try step() { rows.append(values) }
        return rows
    }
}

internal import BatchCore
internal import BatchLedger

/// What kind of database it is, and the bugs of SQLite that touch it. Reads only.
struct DatabaseChecks {
    let connection: Connection
    let sqliteVersion: String

    /// - Throws: `ERR_DATA_NOT_A_DATABASE` and whatever else the first read meets.
    func checks() throws(BatchError) -> [Check] {
        let mode = try text("PRAGMA journal_mode")
        let tables = try connection.value(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        let count = Int(tables?.integer ?? 0)
        return [
            .passed("database", count == 0 ? "empty: it has no tables yet" : Figures.count(count, "table")),
            .passed("journal mode", mode),
            .passed("page size", try text("PRAGMA page_size")),
            .passed("encoding", try text("PRAGMA encoding")),
            .passed("auto_vacuum", try autoVacuum()),
        ] + bugs(journalMode: mode, usesFTS5: try usesFTS5())
    }

    private func bugs(journalMode: String, usesFTS5: Bool) -> [Check] {
        let version = SQLiteBug.number(sqliteVersion)
        let applying = SQLiteBug.known.filter {
            $0.applies(to: version, journalMode: journalMode, usesFTS5: usesFTS5)
        }
        guard !applying.isEmpty else { return [.passed("known SQLite bugs", "none applies")] }
        return applying.map(\.check)
    }

    private func autoVacuum() throws(BatchError) -> String {
        switch try connection.value("PRAGMA auto_vacuum")?.integer {
        case 1: "full"
        case 2: "incremental"
        default: "none"
        }
    }

    private func usesFTS5() throws(BatchError) -> Bool {
        let rows = try connection.rows("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%fts5%'")
        return !rows.isEmpty
    }

    private func text(_ pragma: String) throws(BatchError) -> String {
        switch try connection.value(pragma) {
        case .integer(let number): String(number)
        case let value?: value.string ?? "?"
        case nil: "?"
        }
    }
}

internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Takes the words of erased rows out of texts that name them: SQL and parameters in the ledger, reasons, plans, logs,
/// reports.
///
/// Only a value of at least four bytes counts that no row that stays has in the same column: others say nothing about the
/// person, and definitions would suffer.
struct TextErasure {
    static let mark = "[erased]"

    private let needles: [String]
    /// Columns of the ledger and of the control file that hold texts of people. Ids, names and hashes stay.
    private static let columns: Set<String> = [
        "definition", "parameters", "error", "idempotency_key", "position", "detail", "details", "reason", "comment",
        "note", "message", "payload", "body", "text", "plan", "request", "answer", "sql", "content", "summary",
        "description", "title",
    ]
    /// What is changed on its own, or holds no texts.
    private static let skipped: Set<String> = [
        "batchmgr_audit", "batchmgr_meta", "batchmgr_undo", "batchmgr_layouts", "batchmgr_facts", "batchmgr_files",
    ]

    /// - Parameters:
    ///   - values: of the erased rows, by column.
    ///   - keys: of the erased rows.
    ///   - layout: of the table as it is now; nil when it is gone.
    init(
        _ values: [String: Set<SQLValue>], without keys: Set<RowKey>, _ layout: TableLayout?, _ connection: Connection
    ) throws(BatchError) {
        let today = Set(layout?.storedColumns.compactMap { layout?.columns[$0].name.lowercased() } ?? [])
        var found: Set<SQLValue> = []
        for (column, values) in values {
            for value in values where TextErasure.size(value) >= 4 {
                if let layout, today.contains(column),
                    try TextErasure.isHeld(value, column, layout, without: keys, connection)
                {
                    continue
                }
                found.insert(value)
            }
        }
        // The longest first: a short one may be part of it.
        needles = Set(found.flatMap(TextErasure.forms)).sorted { $0.utf8.count > $1.utf8.count }
    }

    private static func size(_ value: SQLValue) -> Int { value.string?.utf8.count ?? value.bytes?.count ?? 0 }

    /// True when a row that stays has the value too.
    private static func isHeld(
        _ value: SQLValue, _ column: String, _ layout: TableLayout, without keys: Set<RowKey>, _ connection: Connection
    ) throws(BatchError) -> Bool {
        let rows = try RowReader(layout, on: connection, where: "\(SQLName.quote(column)) = ?", [value])
        while let row = try rows.next() { if let key = row.key, !keys.contains(key) { return true } }
        return false
    }

    /// How a value may be written in SQL, JSON and prose.
    private static func forms(of value: SQLValue) -> [String] {
        var forms: [String] = []
        if let bytes = value.bytes, value.string == nil {
            let hex = Hex.string(bytes)
            forms += [hex, hex.uppercased()]
        }
        let text = value.string ?? value.bytes.flatMap { String(validating: $0, as: UTF8.self) }
        if let text {
            forms += [
                text, text.escaping(["'": "''"]), String(JSONWriter.text(.string(text)).dropFirst().dropLast()),
            ]
        }
        return forms
    }

    /// Nil when the text names nothing that was erased.
    func cleaned(_ text: String) -> String? {
        var result = text
        for needle in needles where result.contains(needle) {
            result = result.replacing(needle, with: TextErasure.mark)
        }
        return result == text ? nil : result
    }

    // MARK: Databases

    /// Cleans the ledger, or the control file. Call it in a transaction.
    /// - Returns: the rows of the audit whose details have changed, for its chain.
    func clean(_ connection: Connection) throws(BatchError) -> [(seq: Int64, details: String)] {
        // What a switch or a plan may hold was deleted before, too.
        try connection.execute("PRAGMA secure_delete = ON")
        for (table, column) in try texts(connection) where TextErasure.columns.contains(column.lowercased()) {
            let (table, column) = (SQLName.quote(table), SQLName.quote(column))
            let found = try connection.rows(
                "SELECT DISTINCT \(column) FROM main.\(table) WHERE typeof(\(column)) = 'text'")
            for row in found {
                guard let text = row[0].string, let cleaned = cleaned(text) else { continue }
                try connection.run(
                    "UPDATE main.\(table) SET \(column) = ? WHERE \(column) = ?", [.string(cleaned), .string(text)])
            }
        }
        if try has("batchmgr_worklists", connection) {
            // Items of steps that are done are not needed; those of others may hold what was erased.
            try connection.run("DELETE FROM main.batchmgr_worklists")
        }
        return try cleanAudit(connection)
    }

    /// The columns of the tables of our own: the control file has no others.
    private func texts(_ connection: Connection) throws(BatchError) -> [(table: String, column: String)] {
        let isLedger = try has("batchmgr_batches", connection)
        let names = connection.ledgerNames
        let skipped = Set(TextErasure.skipped.map(names.name))
        return try connection.rows(
            """
            SELECT t.name, c.name FROM main.sqlite_schema AS t, pragma_table_info(t.name) AS c \
            WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            """
        ).compactMap { row in
            guard let table = row[0].string, let column = row[1].string, !skipped.contains(table),
                !isLedger || names.isLedger(table)
            else { return nil }
            return (table, column)
        }
    }

    private func has(_ table: String, _ connection: Connection) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?",
            [.string(connection.ledgerNames.name(table))]) != nil
    }

    /// The hashes of the rows stay: the chain is of those.
    private func cleanAudit(_ connection: Connection) throws(BatchError) -> [(seq: Int64, details: String)] {
        guard try has("batchmgr_audit", connection) else { return [] }
        var changed: [(seq: Int64, details: String)] = []
        for row in try connection.rows("SELECT seq, details FROM main.batchmgr_audit") {
            guard let seq = row[0].integer, let text = row[1].string, let cleaned = cleaned(text) else { continue }
            try connection.run(
                "UPDATE main.batchmgr_audit SET details = ? WHERE seq = ?", [.string(cleaned), .integer(seq)])
            changed.append((seq, cleaned))
        }
        return changed
    }

    // MARK: Files

    /// Logs and reports of rollbacks, and patch plans: a plan that held such a text is refused from then on.
    func clean(folder: String) throws(BatchError) {
        try forEachText(in: folder) { (path) throws(BatchError) in
            let text = String(decoding: try DurableFile.read(path), as: UTF8.self)
            if let cleaned = cleaned(text) { try DurableFile.write(Array(cleaned.utf8), to: path) }
        }
    }

    private func forEachText(
        in folder: String, _ body: (String) throws(BatchError) -> Void
    ) throws(BatchError) {
        for place in [folder, folder + "/reports", folder + "/logs"] where Folder.exists(place) {
            for name in try FolderText.names(in: place)
            where [".log", ".md", ".json"].contains(where: name.hasSuffix) || name.hasPrefix(LogFile.name) {
                try body("\(place)/\(name)")
            }
        }
    }

    /// Where a word of an erased row can still be read.
    func places(in session: Session) throws(BatchError) -> [String] {
        var places: Set<String> = []
        try forEachText(in: session.backups) { (path) throws(BatchError) in
            if cleaned(String(decoding: try DurableFile.read(path), as: UTF8.self)) != nil { places.insert(path) }
        }
        func look(_ connection: Connection, _ name: String) throws(BatchError) {
            for (table, column) in try texts(connection) {
                let quoted = SQLName.quote(column)
                for row in try connection.rows(
                    "SELECT DISTINCT \(quoted) FROM main.\(SQLName.quote(table)) WHERE typeof(\(quoted)) = 'text'")
                where row[0].string.flatMap(cleaned) != nil {
                    places.insert("\(name) (\(table).\(column))")
                }
            }
        }
        try look(session.connection, session.path)
        let control = "\(session.backups)/control.db"
        if Folder.exists(control) { try look(try Connection(path: control, mode: .readOnly), control) }
        return places.sorted()
    }
}

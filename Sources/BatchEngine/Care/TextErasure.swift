internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Takes the words of erased rows out of texts that name them: SQL and parameters in the ledger, logs, reports.
///
/// Only a text of at least four bytes counts that no row that stays has in the same column: others say nothing about the
/// person, and definitions would suffer.
struct TextErasure {
    static let mark = "[erased]"

    private let needles: [String]

    /// - Parameters:
    ///   - texts: of the erased rows, by column.
    ///   - layout: of the table as it is now, without them; nil when it is gone.
    init(_ texts: [String: Set<String>], _ layout: TableLayout?, _ connection: Connection) throws(BatchError) {
        let today = Set(layout?.storedColumns.compactMap { layout?.columns[$0].name.lowercased() } ?? [])
        let table = layout?.quotedName ?? ""
        var found: Set<String> = []
        for (column, texts) in texts {
            for text in texts where text.utf8.count >= 4 {
                let others =
                    today.contains(column)
                    ? try connection.value(
                        "SELECT count(*) FROM main.\(table) WHERE \(SQLName.quote(column)) = ?",
                        [.string(text)])?.integer ?? 0 : 0
                if others == 0 { found.insert(text) }
            }
        }
        var all = found
        for text in found {
            all.insert(text.replacing("'", with: "''"))
            all.insert(String(JSONWriter.text(.string(text)).dropFirst().dropLast()))
        }
        // The longest first: a short one may be part of it.
        needles = all.sorted { $0.utf8.count > $1.utf8.count }
    }

    /// Nil when the text names nothing that was erased.
    func cleaned(_ text: String) -> String? {
        var result = text
        for needle in needles where result.contains(needle) {
            result = result.replacing(needle, with: TextErasure.mark)
        }
        return result == text ? nil : result
    }

    /// Call it in a transaction.
    /// - Returns: the rows of the audit whose details have changed, for its chain.
    func clean(_ connection: Connection) throws(BatchError) -> [(seq: Int64, details: String)] {
        let columns = [
            ("batchmgr_batches", ["definition", "parameters", "error", "idempotency_key"]),
            ("batchmgr_checkpoints", ["position"]), ("batchmgr_effects", ["detail"]),
        ]
        for (table, names) in columns {
            for name in names {
                let rows = try connection.rows("SELECT rowid, \(name) FROM \(table) WHERE \(name) IS NOT NULL")
                for row in rows {
                    guard let text = row[1].string, let cleaned = cleaned(text) else { continue }
                    try connection.run("UPDATE \(table) SET \(name) = ? WHERE rowid = ?", [.string(cleaned), row[0]])
                }
            }
        }
        // Items of steps that are done are not needed; those of others may hold what was erased.
        try connection.run("DELETE FROM batchmgr_worklists")
        return try cleanAudit(connection)
    }

    /// The hashes of the rows stay: the chain is of those.
    func cleanAudit(_ connection: Connection) throws(BatchError) -> [(seq: Int64, details: String)] {
        var changed: [(seq: Int64, details: String)] = []
        for row in try connection.rows("SELECT seq, details FROM batchmgr_audit") {
            guard let seq = row[0].integer, let text = row[1].string, let cleaned = cleaned(text) else { continue }
            try connection.run(
                "UPDATE batchmgr_audit SET details = ? WHERE seq = ?", [.string(cleaned), .integer(seq)])
            changed.append((seq, cleaned))
        }
        return changed
    }

    /// Logs and reports of rollbacks, and patch plans: a plan that held such a text is refused from then on.
    func clean(folder: String) throws(BatchError) {
        for place in [folder, folder + "/reports", folder + "/logs"] where Folder.exists(place) {
            for name in try FolderText.names(in: place)
            where [".log", ".md", ".json"].contains(where: name.hasSuffix) || name.hasPrefix(LogFile.name) {
                let path = "\(place)/\(name)"
                let text = String(decoding: try Folder.read(path), as: UTF8.self)
                if let cleaned = cleaned(text) { try Folder.write(Array(cleaned.utf8), to: path) }
            }
        }
    }
}

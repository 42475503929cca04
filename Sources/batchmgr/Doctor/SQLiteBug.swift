internal import BatchCore

/// A known defect of SQLite that can harm a user of this tool.
struct SQLiteBug {
    /// When the defect matters.
    enum Condition {
        /// In this journal mode, by itself.
        case walMode
        /// For SQL of somebody who means harm.
        case hostileSQL
        /// For a file of somebody who means harm, with FTS5 in its schema.
        case hostileFullText
    }

    let name: String
    /// As `sqlite3_libversion_number`: 3.51.3 is 3051003.
    let introduced: Int
    let fixed: Int
    let condition: Condition
    let effect: String
    let advice: String

    static let known = [
        SQLiteBug(
            name: "WAL-reset bug", introduced: 3_007_000, fixed: 3_051_003, condition: .walMode,
            effect: "two connections that write or checkpoint at the same moment can, rarely, corrupt the database",
            advice: """
                batchmgr itself writes and checkpoints through one connection; for your other programs upgrade SQLite to \
                3.51.3, or leave WAL: PRAGMA journal_mode=DELETE
                """),
        SQLiteBug(
            name: "CVE-2025-6965", introduced: 0, fixed: 3_050_002, condition: .hostileSQL,
            effect: "SQL with very many aggregate terms can damage memory",
            advice: "run only SQL that you trust, or upgrade SQLite to 3.50.2"),
        SQLiteBug(
            name: "CVE-2026-11824", introduced: 3_009_000, fixed: 3_053_002, condition: .hostileFullText,
            effect: "a crafted full-text index (FTS5) can damage memory when it is searched",
            advice: "open only databases that you trust, or upgrade SQLite to 3.53.2"),
    ]

    func applies(to version: Int, journalMode: String, usesFTS5: Bool) -> Bool {
        guard version >= introduced, version < fixed else { return false }
        return switch condition {
        case .walMode: journalMode == "wal"
        case .hostileSQL: true
        case .hostileFullText: usesFTS5
        }
    }

    /// Only what can happen to honest data is a warning: distributions correct the others without a new version number,
    /// and a warning that is always there is not read.
    var check: Check {
        switch condition {
        case .walMode: .warning("SQLite \(name)", effect, code: .machine, advice: Hint(advice))
        case .hostileSQL, .hostileFullText:
            .passed("SQLite \(name)", "unless your distribution has corrected it, \(effect): \(advice)")
        }
    }

    /// `3.51.3` → 3051003; 0 for text that is no version.
    static func number(_ version: String) -> Int {
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        guard parts.count >= 2 else { return 0 }
        return parts[0] * 1_000_000 + parts[1] * 1_000 + (parts.count > 2 ? parts[2] : 0)
    }
}

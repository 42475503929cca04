/// Quoting of names for SQL text.
public enum SQLName {
    public static func quote(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// A text literal. NUL ends SQL text, so a name or setting with one cannot be written.
    public static func literal(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    /// True for the tables, indexes and triggers of the ledger itself.
    public static func isLedger(_ name: String) -> Bool { name.lowercased().hasPrefix("batchmgr_") }
}

extension TableLayout {
    /// SQL behind WHERE that leaves out rows about the ledger; nil where there can be none.
    ///
    /// ANALYZE and AUTOINCREMENT note the ledger's tables too; those rows are not the user's.
    public var userRows: String? {
        switch name {
        case "sqlite_sequence": "name NOT LIKE 'batchmgr\\_%' ESCAPE '\\'"
        case _ where role == .system: "tbl NOT LIKE 'batchmgr\\_%' ESCAPE '\\'"
        default: nil
        }
    }
}

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

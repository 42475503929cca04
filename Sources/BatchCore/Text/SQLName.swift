/// Names of SQL: how they are written, and how SQLite compares them.
public enum SQLName {
    public static func quote(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// A text literal. NUL ends SQL text, so a name or setting with one cannot be written.
    public static func literal(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    /// The name as SQLite compares it: upper and lower case of A to Z are the same, and of no other letter.
    public static func folded(_ name: some StringProtocol) -> String {
        String(decoding: name.utf8.map { (65...90).contains($0) ? $0 | 32 : $0 }, as: UTF8.self)
    }

    public static func areSame(_ first: String, _ second: String) -> Bool { folded(first) == folded(second) }
}

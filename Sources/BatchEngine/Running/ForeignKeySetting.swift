internal import BatchCore

/// `PRAGMA foreign_keys = ON` at the beginning of a script. Inside a transaction SQLite ignores it, so it is obeyed
/// before the transaction begins.
enum ForeignKeySetting {
    /// The setting that the script begins with, nil for none, and the statements behind it.
    static func split(_ sql: String) -> (isOn: Bool?, rest: String) {
        let bytes = Array(sql.utf8)
        guard let end = bytes.firstIndex(of: UInt8(ascii: ";")) else { return (nil, sql) }
        let words = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
            .split { !($0.isLetter || $0.isNumber || $0 == "_") }
        guard words.count == 3, words[0] == "pragma", words[1] == "foreign_keys" else { return (nil, sql) }
        let rest = String(decoding: bytes[(end + 1)...], as: UTF8.self)
        return (["on", "1", "yes", "true"].contains(words[2]), rest)
    }
}

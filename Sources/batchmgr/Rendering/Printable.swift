public import BatchCore

/// Text from a database as it may be shown: nothing in it can steer the terminal or break a line.
public enum Printable {
    /// Control characters, also those of C1 and the marks that turn writing direction, become `\u{…}`.
    public static func text(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            if isUnsafe(scalar) {
                result += scalar == "\n" ? "\\n" : scalar == "\t" ? "\\t" : "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }

    /// A value as a SQL literal, cut to `limit` characters.
    public static func value(_ value: SQLValue, limit: Int = 60) -> String {
        let text = text(SQLLiteral.value(shortened(value, to: limit)))
        return text.count > limit ? text.prefix(limit - 1) + "…" : text
    }

    /// Keeps a large value from being written out only to be cut.
    private static func shortened(_ value: SQLValue, to limit: Int) -> SQLValue {
        switch value {
        case .blob(let bytes) where bytes.count > limit: .blob(Array(bytes.prefix(limit)))
        default: value
        }
    }

    public static func key(_ key: RowKey) -> String {
        switch key {
        case .rowid(let number): String(number)
        case .values(let values): values.map { value($0) }.joined(separator: ", ")
        }
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<32, 127..<160, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}

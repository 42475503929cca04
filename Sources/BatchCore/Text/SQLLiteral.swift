/// Values, names and changes as SQL text.
public enum SQLLiteral {
    /// `"Order Details"`; always quoted, because any word may be a keyword one day.
    public static func name(_ name: String) -> String { SQLName.quote(name) }

    /// An expression that has exactly this value, also for infinities, NUL and invalid text.
    public static func value(_ value: SQLValue) -> String {
        switch value {
        case .null: "NULL"
        case .integer(let number): number == .min ? "(-9223372036854775807 - 1)" : String(number)
        case .real(let number): real(number)
        case .text(let bytes):
            String(validating: bytes, as: UTF8.self).flatMap(quoted) ?? "CAST(\(blob(bytes)) AS TEXT)"
        case .text16(let bytes):
            bytes.count.isMultiple(of: 2)
                ? String(validating: SQLValue.utf16Units(bytes), as: UTF16.self).flatMap(quoted)
                    ?? "CAST(\(blob(bytes)) AS TEXT)" : "CAST(\(blob(bytes)) AS TEXT)"
        case .blob(let bytes): blob(bytes)
        }
    }

    private static func real(_ number: Double) -> String {
        if number.isInfinite { return number > 0 ? "9e999" : "-9e999" }
        return number.isNaN ? "NULL" : "\(number)"
    }

    private static func blob(_ bytes: [UInt8]) -> String { "X'\(Hex.string(bytes))'" }

    /// Line ends and tabs may stand in a literal as they are.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar != "\n" && scalar != "\t" && Printable.isUnsafe(scalar)
    }

    /// `('a' || char(27) || 'b')`
    private static func spelled(_ text: String) -> String {
        var parts: [String] = []
        var plain = ""
        for scalar in text.unicodeScalars {
            guard isControl(scalar) else {
                plain.unicodeScalars.append(scalar)
                continue
            }
            if !plain.isEmpty { parts.append(SQLName.literal(plain)) }
            plain = ""
            parts.append("char(\(scalar.value))")
        }
        if !plain.isEmpty { parts.append(SQLName.literal(plain)) }
        return parts.count == 1 ? parts[0] : "(" + parts.joined(separator: " || ") + ")"
    }

    /// Nil for text with NUL: a literal would end there.
    private static func quoted(_ text: String) -> String? {
        guard !text.utf8.contains(0) else { return nil }
        if text.unicodeScalars.contains(where: isControl) { return spelled(text) }
        return SQLName.literal(text)
    }
}

extension Change {
    /// The change as one statement, to be read or run elsewhere.
    public var sql: String {
        let table = SQLLiteral.name(table)
        switch operation {
        case .insert:
            let fields = after ?? []
            let columns = fields.map { SQLLiteral.name($0.column) }.joined(separator: ", ")
            let values = fields.map { SQLLiteral.value($0.value) }.joined(separator: ", ")
            return "INSERT INTO \(table) (\(columns)) VALUES (\(values));"
        case .update:
            let fields = (after ?? []).map { "\(SQLLiteral.name($0.column)) = \(SQLLiteral.value($0.value))" }
            if fields.isEmpty { return "-- a row of \(table) differs in columns that are gone: \(condition)" }
            return "UPDATE \(table) SET \(fields.joined(separator: ", ")) WHERE \(condition);"
        case .delete:
            return "DELETE FROM \(table) WHERE \(condition);"
        }
    }

    /// `IS` finds NULL too.
    private var condition: String {
        switch key {
        case .rowid(let number): "\(keyColumns.first.map(SQLLiteral.name) ?? "rowid") = \(number)"
        case .values(let values):
            zip(keyColumns, values).map { "\(SQLLiteral.name($0)) IS \(SQLLiteral.value($1))" }
                .joined(separator: " AND ")
        }
    }
}

/// Names of SQL: how they are written, and how SQLite compares them.
public enum SQLName {
    public static func quote(_ name: String) -> String { "\"" + name.escaping(["\"": "\"\""]) + "\"" }

    /// A text literal. NUL ends SQL text, so a name or setting with one cannot be written.
    public static func literal(_ text: String) -> String { "'" + text.escaping(["'": "''"]) + "'" }

    /// The name as SQLite compares it: upper and lower case of A to Z are the same, and of no other letter.
    public static func folded(_ name: some StringProtocol) -> String { folded(String(name)) }

    /// Each name of the schema goes through here, more than once for each batch.
    public static func folded(_ name: String) -> String {
        var name = name
        let folded = name.withUTF8 { bytes -> String? in
            guard bytes.contains(where: isUpper) else { return nil }
            return String(unsafeUninitializedCapacity: bytes.count) { space in
                for (place, byte) in bytes.enumerated() {
                    space.initializeElement(at: place, to: isUpper(byte) ? byte | 32 : byte)
                }
                return bytes.count
            }
        }
        return folded ?? name
    }

    /// True when the name begins so, with upper and lower case as SQLite compares them.
    /// - Parameter start: ASCII, in lower case.
    public static func begins(_ name: String, with start: StaticString) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            bytes.count >= start.utf8CodeUnitCount
                && (0..<start.utf8CodeUnitCount).allSatisfy { place in
                    (isUpper(bytes[place]) ? bytes[place] | 32 : bytes[place]) == start.utf8Start[place]
                }
        }
    }

    private static func isUpper(_ byte: UInt8) -> Bool { byte >= 65 && byte <= 90 }

    public static func areSame(_ first: String, _ second: String) -> Bool { folded(first) == folded(second) }
}

/// One SQLite value, kept bit for bit.
///
/// Text is bytes, not `String`: SQLite stores text that is not valid Unicode and text that holds NUL.
/// Text of a UTF-16 database stays UTF-16 (native byte order), because converting a lone surrogate loses it.
public enum SQLValue: Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text([UInt8])
    case text16([UInt8])
    case blob([UInt8])

    public static func string(_ text: String) -> SQLValue { .text(Array(text.utf8)) }

    /// The value as text when it is text, with invalid bytes replaced. For ledger columns and messages, never for user rows.
    public var string: String? {
        switch self {
        case .text(let bytes): String(decoding: bytes, as: UTF8.self)
        case .text16(let bytes): String(decoding: SQLValue.utf16Units(bytes), as: UTF16.self)
        default: nil
        }
    }

    public var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    public var bytes: [UInt8]? {
        switch self {
        case .text(let bytes), .text16(let bytes), .blob(let bytes): bytes
        default: nil
        }
    }

    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The code units of native-order UTF-16 bytes. An odd last byte is dropped, as SQLite does.
    public static func utf16Units(_ bytes: [UInt8]) -> [UInt16] {
        stride(from: 0, to: bytes.count - 1, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
    }
}

extension SQLValue {
    /// The order of SQLite's BINARY collation: NULL, numbers, text, BLOBs. Text of UTF-16 is ordered by its code units.
    public func sorts(before other: SQLValue) -> Bool {
        switch (self, other) {
        case (.integer(let x), .integer(let y)): x < y
        case (.integer(let x), .real(let y)): Double(x) < y
        case (.real(let x), .integer(let y)): x < Double(y)
        case (.real(let x), .real(let y)): x < y
        case (.text(let x), .text(let y)), (.blob(let x), .blob(let y)): x.lexicographicallyPrecedes(y)
        case (.text16(let x), .text16(let y)):
            SQLValue.utf16Units(x).lexicographicallyPrecedes(SQLValue.utf16Units(y))
        default: rank < other.rank
        }
    }

    private var rank: Int {
        switch self {
        case .null: 0
        case .integer, .real: 1
        case .text, .text16: 2
        case .blob: 3
        }
    }
}

extension SQLValue: Hashable {
    /// Same storage class and same bits: 1 is not 1.0, and -0.0 is not 0.0.
    public static func == (a: SQLValue, b: SQLValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.integer(let x), .integer(let y)): x == y
        case (.real(let x), .real(let y)): x.bitPattern == y.bitPattern
        case (.text(let x), .text(let y)), (.text16(let x), .text16(let y)), (.blob(let x), .blob(let y)): x == y
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .integer(let value): hasher.combine(value)
        case .real(let value): hasher.combine(value.bitPattern)
        case .text(let bytes), .text16(let bytes), .blob(let bytes): hasher.combine(bytes)
        }
    }
}

/// What names a row of one table: its rowid, or the primary key values of a WITHOUT ROWID table, in key order.
public enum RowKey: Hashable, Sendable {
    case rowid(Int64)
    case values([SQLValue])

    /// What a condition on the key binds.
    public var parameters: [SQLValue] {
        switch self {
        case .rowid(let rowid): [.integer(rowid)]
        case .values(let values): values
        }
    }
}

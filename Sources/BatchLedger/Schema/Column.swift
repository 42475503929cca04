internal import BatchCore
internal import CSQLite

/// One column of a table, as far as capture and undo need to know it.
public struct Column: Hashable, Sendable {
    public enum Generated: Sendable {
        case no, virtual, stored
    }

    public let name: String
    public let declaredType: String
    /// True for REAL affinity: SQLite may hand over a whole number of such a column as an integer.
    public let hasRealAffinity: Bool
    public let isNotNull: Bool
    /// A row written before `ALTER TABLE … ADD COLUMN` does not hold the value: see `TableLayout.needsReader`.
    public let hasDefault: Bool
    public let generated: Generated
    /// Position in the primary key counted from 1; 0 when it is no part of it.
    public let primaryKeyPosition: Int

    /// Column affinity by the declared type, section 3.1 of SQLite's "Datatypes In SQLite".
    static func hasRealAffinity(declaredType: String) -> Bool {
        let type = declaredType.uppercased()
        if type.contains("INT") || type.contains("CHAR") || type.contains("CLOB") || type.contains("TEXT") {
            return false
        }
        if type.contains("BLOB") || type.isEmpty { return false }
        return type.contains("REAL") || type.contains("FLOA") || type.contains("DOUB")
    }
}

extension Column {
    /// What SQLite does to values of the column, section 3.1 of "Datatypes In SQLite".
    enum Affinity: Sendable {
        case none, text, numeric, real

        /// True when a value of this type may be stored as another one.
        @inline(__always)
        func mayConvert(_ type: Int32) -> Bool {
            switch self {
            case .none: false
            case .text: type == SQLITE_INTEGER || type == SQLITE_FLOAT
            case .numeric: type == SQLITE_TEXT || type == SQLITE_FLOAT
            case .real: type == SQLITE_TEXT
            }
        }
    }

    var affinity: Affinity {
        if hasRealAffinity { return .real }
        let type = declaredType.uppercased()
        if type.contains("INT") { return .numeric }
        if type.contains("CHAR") || type.contains("CLOB") || type.contains("TEXT") { return .text }
        return type.contains("BLOB") || type.isEmpty ? .none : .numeric
    }
}

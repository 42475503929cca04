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

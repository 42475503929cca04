/// A set of columns whose values no two rows may share.
public struct UniqueIndex: Hashable, Sendable {
    public let name: String
    /// Positions in `TableLayout.columns`; nil for an expression, whose value only SQLite can compute.
    public let columns: [Int?]
    /// Collation of each column: BINARY, NOCASE, RTRIM or one of the application's own.
    public let collations: [String]
    public let isPartial: Bool
    public let isPrimaryKey: Bool

    /// True when the values of a row alone decide its place in the index.
    public var isComputable: Bool {
        columns.allSatisfy { $0 != nil }
            && collations.allSatisfy { ["BINARY", "NOCASE", "RTRIM"].contains($0.uppercased()) }
    }
}

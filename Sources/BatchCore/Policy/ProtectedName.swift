/// A table, or a column of one, that only an approved batch may change.
public struct ProtectedName: Hashable, Sendable {
    public var table: String
    /// Nil: the whole table.
    public var column: String?

    /// - Parameter text: `ledger_entries` or `payments.amount_cents`.
    public init(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        table = parts.first ?? text
        column = parts.count > 1 ? parts[1] : nil
    }

    /// As it is written in `batchmgr.yaml`.
    public var text: String { column.map { "\(table).\($0)" } ?? table }

    /// Names are compared as SQLite compares them.
    public func isOf(_ table: String) -> Bool { SQLName.areSame(self.table, table) }
}

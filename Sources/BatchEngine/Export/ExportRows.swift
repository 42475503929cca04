public import BatchCore
public import BatchLedger

/// What an export is made of: names of columns, and rows one at a time.
public struct ExportRows {
    public let columns: [String]
    /// The next row, as long as `columns`; nil at the end.
    public let next: () throws(BatchError) -> [SQLValue]?

    public init(columns: [String], next: @escaping () throws(BatchError) -> [SQLValue]?) {
        self.columns = columns
        self.next = next
    }

    /// The rest of a query's rows.
    public init(_ statement: Statement) {
        columns = (0..<statement.columnCount).map { statement.columnName($0) }
        next = { () throws(BatchError) in try statement.step() ? statement.values : nil }
    }
}

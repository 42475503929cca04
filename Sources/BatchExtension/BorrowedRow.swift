internal import BatchLedger
internal import CSQLite

/// The row of a virtual table that is the current row of a statement. It is read for every value, so it is plain memory.
struct BorrowedRow {
    let row: StatementRow
    /// The column of the statement for each of the table; -1 for those that nobody asked for.
    let places: UnsafePointer<Int32>
    let count: Int32

    @inline(__always)
    func give(_ column: Int32, to call: OpaquePointer) {
        guard column >= 0, column < count, places[Int(column)] >= 0 else { return }
        row.give(places[Int(column)], to: call)
    }
}

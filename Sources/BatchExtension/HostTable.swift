internal import BatchCore
internal import CSQLite

/// A virtual table on one connection. `TableModule` takes SQLite's calls to it.
class HostTable {
    /// A condition that SQLite offers to check for us.
    struct Condition {
        let column: Int32
        let isEqual: Bool
        let isUsable: Bool
    }

    /// How rows will be looked for.
    struct Plan {
        /// Passed on to the cursor.
        var number: Int32 = 0
        /// Indices of conditions whose values the cursor gets, in this order.
        var arguments: [Int] = []
        /// SQLite need not check these again.
        var areExact = true
        var cost: Double = 1_000
        var rows: Int64 = 1_000
    }

    let host: Host

    init(_ host: Host) { self.host = host }

    /// A CREATE TABLE with the columns.
    var definition: String { "" }

    /// Nil when this way of reading the table is impossible.
    func plan(_ conditions: [Condition], columns: UInt64) throws(BatchError) -> Plan? { nil }

    func open() -> HostCursor { HostCursor() }
}

/// A run over the rows of a virtual table.
class HostCursor {
    var isAtEnd: Bool { true }
    var rowid: Int64 { 0 }
    /// The current row, where it is one of another table just as it is: then nobody asks `give`. The cursor keeps it
    /// alive until it goes on.
    var borrowed: BorrowedRow? { nil }

    func begin(_ plan: Int32, _ arguments: [SQLValue]) throws(BatchError) {}
    func next() throws(BatchError) {}
    func give(_ column: Int32, to call: OpaquePointer) {}
}

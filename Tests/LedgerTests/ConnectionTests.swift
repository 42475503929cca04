import BatchCore
import BatchLedger
import Testing

@Suite struct ConnectionTests {
    /// The statements that it keeps do not keep it in turn: a service would run out of files.
    @Test func aConnectionThatNobodyHoldsIsClosed() throws {
        weak var last: Connection?
        do {
            let connection = try Connection(path: ":memory:", mode: .create)
            _ = try connection.value("SELECT 1")
            last = connection
        }
        #expect(last == nil)
    }

    /// Kept statements are found by the length and the ends of their texts first.
    @Test func statementsThatDifferInTheMiddleAloneAreTwo() throws {
        let connection = try Connection(path: ":memory:", mode: .create)
        let blank = String(repeating: " ", count: 60)
        for number in [1, 2, 1, 2] {
            let sql = "SELECT\(blank)\(number)\(blank)AS found"
            #expect(try connection.value(sql)?.integer == Int64(number))
            #expect(try connection.rows(sql) == [[.integer(Int64(number))]])
        }
        connection.dropCachedStatements()
        #expect(try connection.value("SELECT\(blank)2\(blank)AS found")?.integer == 2)
    }
}

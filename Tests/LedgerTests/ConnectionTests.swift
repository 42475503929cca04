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
}

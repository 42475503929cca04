internal import BatchCore
internal import BatchLedger

/// Sorts lines by key with little memory: SQLite's own sorter, in a temporary database that it deletes.
struct LineSorter {
    private let connection: Connection
    private let insert: Statement

    init() throws(BatchError) {
        connection = try Connection(path: "", mode: .create)
        try connection.execute("PRAGMA journal_mode=OFF; CREATE TABLE line(place, text, tenant); BEGIN")
        insert = try connection.prepare("INSERT INTO line VALUES (?, ?, ?)")
    }

    func add(_ key: UInt64, _ line: [UInt8], tenant: SQLValue?) throws(BatchError) {
        // SQLite's integers are signed.
        try insert.bind([.integer(Int64(bitPattern: key ^ (1 << 63))), .blob(line), tenant ?? .null])
        _ = try insert.step()
        insert.reset()
    }

    /// - Parameter body: gets key, line and tenant in ascending order of key, then line.
    func deliver(_ body: (UInt64, [UInt8], SQLValue?) throws(BatchError) -> Void) throws(BatchError) {
        let sorted = try connection.prepare("SELECT place, text, tenant FROM line ORDER BY place, text")
        while try sorted.step() {
            let key = UInt64(bitPattern: sorted.value(0).integer ?? 0) ^ (1 << 63)
            try body(key, sorted.value(1).bytes ?? [], sorted.value(2))
        }
    }
}

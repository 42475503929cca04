internal import BatchCore
internal import BatchLedger

/// How a database has to look after a VACUUM, and what was added to it for that.
struct VacuumAim {
    /// The schema cookie before.
    let cookie: Int64
    /// Indexes that keep the numbers of rows.
    let helpers: [String]
    /// The objects of the schema, each with its place.
    let objects: [SchemaObject]
    /// The rows of `sqlite_sequence`, with their numbers; nil when it is not there.
    let counters: [[SQLValue]]?

    /// The database as it is before anything is added.
    /// - Parameter helpers: how many indexes are to be added.
    init(of connection: Connection, helpers: Int) throws(BatchError) {
        let schema = SchemaReader(connection)
        cookie = try schema.version()
        self.helpers = VacuumAim.names(helpers)
        objects = try schema.objects()
        counters = try VacuumAim.counters(in: connection)
    }

    static func counters(in connection: Connection) throws(BatchError) -> [[SQLValue]]? {
        let exists = try connection.value("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'")
        if exists == nil { return nil }
        return try connection.rows("SELECT rowid, name, seq FROM main.sqlite_sequence ORDER BY rowid")
    }

    /// True when every object has its place.
    func isOrder(of now: [SchemaObject]) -> Bool {
        let places = Dictionary(now.map { ([$0.type, $0.name], $0.rowid) }) { first, _ in first }
        return objects.allSatisfy { object in places[[object.type, object.name]].map { $0 == object.rowid } ?? true }
    }

    // MARK: Form

    /// The form that the ledger keeps: all values after each other as `RowCodec` writes them, in hexadecimal digits.
    var text: String {
        var buffer = ByteBuffer()
        RowCodec.encode([.integer(cookie), .integer(Int64(helpers.count))], into: &buffer)
        RowCodec.encode(.integer(Int64(objects.count)), into: &buffer)
        for object in objects {
            RowCodec.encode([.integer(object.rowid), .string(object.type), .string(object.name)], into: &buffer)
        }
        RowCodec.encode(.integer(counters.map { Int64($0.count) } ?? -1), into: &buffer)
        for row in counters ?? [] { RowCodec.encode(row, into: &buffer) }
        return Hex.string(buffer.array)
    }

    /// - Throws: `ERR_DATA_CORRUPT_LEDGER`.
    init(_ text: String) throws(BatchError) {
        guard let bytes = Hex.bytes(text), let aim = bytes.withUnsafeBytes({ try? VacuumAim(reading: $0) }) else {
            throw BatchError(
                .corruptLedger, "what is left to do after a VACUUM cannot be read",
                hint: "see what is damaged: \(command: "verify")")
        }
        self = aim
    }

    private init(reading bytes: UnsafeRawBufferPointer) throws(BatchError) {
        var reader = ByteReader(bytes)
        func count() throws(BatchError) -> Int64 { min(try reader.value().integer ?? -1, Int64(bytes.count)) }
        cookie = try reader.value().integer ?? 0
        helpers = VacuumAim.names(Int(max(0, try count())))
        var objects: [SchemaObject] = []
        for _ in 0..<max(0, try count()) {
            let row = try reader.values(3)
            let (type, name) = (row[1].string ?? "", row[2].string ?? "")
            objects.append(SchemaObject(rowid: row[0].integer ?? 0, type: type, name: name, tableName: "", sql: nil))
        }
        self.objects = objects
        let rows = try count()
        var counters: [[SQLValue]] = []
        for _ in 0..<max(0, rows) { counters.append(try reader.values(3)) }
        self.counters = rows < 0 ? nil : counters
    }

    private static func names(_ count: Int) -> [String] { (0..<count).map { "batchmgr_vacuum_\($0 + 1)" } }
}

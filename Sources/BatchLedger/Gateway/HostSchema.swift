internal import BatchCore
internal import CSQLite

/// The schema as the open checkpoint of a host has recorded it.
struct HostSchema {
    /// What a statement that changes the schema began from.
    struct Running {
        let savepoint: Int32
        let mark: ChangeSink.Mark
        /// Tables whose rows were recorded as removed before it.
        var recorded: Set<String> = []
        /// Tables with the tenant column.
        var owned: Set<String> = []
        /// How many objects the ledger has.
        let ledgerObjects: Int64
    }

    /// At the beginning of the checkpoint.
    private var first: [SchemaObject] = []
    private var firstCookie: Int64 = 0
    /// After the last change that is recorded.
    private(set) var objects: [SchemaObject] = []
    private(set) var cookie: Int64 = 0
    private(set) var running: Running?
    /// SQL of ours is at work inside a statement of the host.
    var isReading = false

    init() {}

    /// A checkpoint begins with these.
    init(_ objects: [SchemaObject], cookie: Int64) {
        (first, firstCookie) = (objects, cookie)
        (self.objects, self.cookie) = (objects, cookie)
    }

    /// The next checkpoint begins with the schema as it is.
    mutating func goOn() { (first, firstCookie) = (objects, cookie) }

    /// A change is recorded.
    mutating func note(_ objects: [SchemaObject], cookie: Int64) { (self.objects, self.cookie) = (objects, cookie) }

    /// What moved the cookie changed nothing.
    mutating func note(cookie: Int64) { self.cookie = cookie }

    mutating func begin(_ statement: Running) { running = statement }

    /// The statement that began there or further in, when there is one: it runs no more.
    mutating func end(at savepoint: Int32) -> Running? {
        guard let statement = running, savepoint <= statement.savepoint else { return nil }
        running = nil
        return statement
    }

    /// - Parameter mark: nil for the beginning of the checkpoint.
    mutating func goBack(to mark: SchemaMark?) {
        objects = mark?.objects ?? first
        cookie = mark?.cookie ?? firstCookie
    }
}

/// What was recorded of the schema, to be taken back with the rows.
struct SchemaMark {
    let objects: [SchemaObject]
    let cookie: Int64
    let definitions: Set<DefinitionFact>
    let definitionChanges: RecordedWrites.Checkpoint
    let madeTables: Set<String>
}

extension SchemaStatement {
    /// The statement of the host that is running, when its text changes the schema.
    ///
    /// The first that writes will do: statements come with the latest first, and what is missed is refused in the end.
    static func running(on connection: Connection) -> SchemaStatement? {
        var statement = sqlite3_next_stmt(connection.handle, nil)
        while let current = statement {
            if sqlite3_stmt_busy(current) != 0, sqlite3_stmt_readonly(current) == 0 {
                guard let text = sqlite3_sql(current), mayChangeSchema(text) else { return nil }
                return SchemaStatement(String(cString: text))
            }
            statement = sqlite3_next_stmt(connection.handle, current)
        }
        return nil
    }

    /// Looks at the first byte alone: the text of a statement may be long, and most write rows.
    private static func mayChangeSchema(_ text: UnsafePointer<CChar>) -> Bool {
        var place = text
        while place.pointee == 32 || place.pointee == 59 || (place.pointee >= 9 && place.pointee <= 13) { place += 1 }
        let first = UInt8(bitPattern: place.pointee)
        return "acdACD-/".utf8.contains(first) || first >= 128
    }

    /// The table of the main database that it rewrites; nil for one of another database. SQLite looks among TEMP tables
    /// first.
    func rewrittenOfMain(on connection: Connection) throws(BatchError) -> String? {
        guard let target = rewritten else { return nil }
        if let database = target.database { return database == "main" ? target.name : nil }
        let temporary = try connection.value(
            "SELECT 1 FROM temp.sqlite_schema WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
            [.string(target.name)])
        return temporary == nil ? target.name : nil
    }
}

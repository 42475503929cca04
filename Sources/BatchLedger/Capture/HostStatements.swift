internal import BatchCore
internal import CSQLite
internal import Glibc

/// Tells which statement of a host changes rows, and what it reads and sets.
///
/// Nobody announces a statement to us, so the first row that it changes is looked at: SQLite counts changes when a
/// statement ends, and the one that is running is in the list of the connection.
final class HostStatements {
    private unowned let host: Connection
    private let database: OpaquePointer
    private var schema: SchemaMemory?
    /// The schema with which the checkpoint began.
    private var first: (version: Int64, objects: [SchemaObject])?
    /// The number of changes that SQLite counted before the running statement; -1 for one that nobody has looked at.
    private var total: Int64 = -1
    /// Rows that the running statement updated before this one.
    private var updated = 0
    /// The effects of the running statement were asked for, or are of no use.
    private var isSettled = false
    /// What the statements of the checkpoint read.
    private(set) var reads: [ReadColumns] = []
    private var noted: Set<ObjectIdentifier> = []
    /// The tables that the running statement writes; none where that is not known.
    private(set) var writes: Set<String> = []

    /// Texts that are compiled; a program that writes its values into the text has no end of them.
    private static let mostTexts = 256
    /// To look through more statements at every change would cost more than it is worth.
    private static let mostStatements = 64
    /// Statements that update fewer rows are not worth compiling for their columns.
    private static let worthwhile = 32

    init(_ host: Connection) {
        self.host = host
        database = host.handle
    }

    /// The schema with which a checkpoint begins. What is known of another one is forgotten; the cookie alone does not
    /// tell them apart, because a change that is rolled back gives its cookie to the next one.
    func follow(_ objects: [SchemaObject], version: Int64) {
        if schema?.version != version || schema?.objects != objects { schema = nil }
        first = (version, objects)
    }

    /// The host went back after a change of the schema: another change gives it the same cookie again.
    func forgetSchema() { schema = nil }

    private func schemaVersion() throws(BatchError) -> Int64 {
        try host.value("PRAGMA main.schema_version")?.integer ?? 0
    }

    /// What is known of the schema as it is now.
    private func memory() throws(BatchError) -> SchemaMemory {
        let version = try schemaVersion()
        if let schema, schema.version == version { return schema }
        let made = SchemaMemory(version: version, objects: version == first?.version ? first?.objects : nil)
        schema = made
        return made
    }

    /// Begins a checkpoint.
    func begin() {
        forgetStatement()
        reads = []
        noted = []
    }

    /// A statement was taken back: SQLite did not count what it changed.
    func forgetStatement() {
        total = -1
        updated = 0
        isSettled = false
    }

    /// Call it for every row that changes.
    /// - Returns: true when another statement is running than for the row before.
    @inline(__always)
    func isAnother() -> Bool {
        let now = sqlite3_total_changes64(database)
        if now == total { return false }
        total = now
        updated = 0
        isSettled = false
        return true
    }

    /// Notes what the running statement reads.
    func noteReads() {
        writes = []
        guard let sql = runningText(), let effects = effects(of: sql) else { return }
        writes = effects.writtenTables
        if noted.insert(ObjectIdentifier(effects.reads)).inserted { reads.append(effects.reads) }
    }

    /// Call it for every row that the running statement updates.
    /// - Returns: columns that it may set, once it is known to be one of many rows; nil while nothing changes.
    @inline(__always)
    func settable() -> SettableColumns? {
        if isSettled { return nil }
        updated &+= 1
        return updated < HostStatements.worthwhile ? nil : settle()
    }

    private func settle() -> SettableColumns? {
        isSettled = true
        // Triggers of the connection are in no schema of ours, and could update the same table.
        guard let sql = runningText(), let effects = effects(of: sql), !hasOwnTriggers else { return nil }
        return .named(effects.updatedColumns)
    }

    private var hasOwnTriggers: Bool {
        let sql = """
            SELECT 1 FROM temp.sqlite_schema WHERE type = 'trigger' AND NOT \(CaptureTriggers.isOwn) LIMIT 1
            """
        guard let statement = try? host.prepare(sql), let hasRow = try? statement.step() else { return true }
        return hasRow
    }

    /// The text of the one statement that writes and is running. Nil when there are several, or when it returns rows:
    /// such a statement has made its changes while it still waits for its rows to be fetched.
    private func runningText() -> String? {
        var found: OpaquePointer?
        var statement = sqlite3_next_stmt(database, nil)
        var count = 0
        while let current = statement {
            count += 1
            if count > HostStatements.mostStatements { return nil }
            if sqlite3_stmt_busy(current) != 0, sqlite3_stmt_readonly(current) == 0 {
                if found != nil { return nil }
                found = current
            }
            statement = sqlite3_next_stmt(database, current)
        }
        guard let found, sqlite3_column_count(found) == 0 else { return nil }
        return sqlite3_sql(found).map { String(cString: $0) }
    }

    private func effects(of sql: String) -> StatementEffects? {
        guard let memory = try? memory() else { return nil }
        if memory.isCopied, let effects = memory.effects[sql] { return usable(effects) }
        if memory.effects.count >= HostStatements.mostTexts { memory.effects = [:] }
        if !memory.isCopied {
            memory.copy = try? SchemaCopy(of: host)
            memory.isCopied = true
        }
        guard let copy = memory.copy else { return nil }
        let effects = copy.effects(of: sql)
        memory.effects[sql] = .some(effects)
        return usable(effects)
    }

    /// Functions that the host has put in the place of built-in ones could do anything. It may do so at any time.
    private func usable(_ effects: StatementEffects?) -> StatementEffects? {
        guard let effects, !effects.functions.isEmpty else { return effects }
        let names = effects.functions.map(SQLName.literal).joined(separator: ", ")
        let replaced = try? host.rows(
            "SELECT 1 FROM pragma_function_list WHERE NOT builtin AND lower(name) IN (\(names)) LIMIT 1")
        return replaced?.isEmpty == true ? effects : nil
    }

    // MARK: Tables

    /// How a table is captured; nil while it has not been asked for.
    func capture(of table: String) throws(BatchError) -> TableCapture? { try memory().captures[table] }

    func note(_ capture: TableCapture) throws(BatchError) {
        let memory = try memory()
        memory.captures[capture.layout.name] = capture
    }

    /// The schema of a host's database once more, in memory and without rows. Statements of the host are compiled
    /// there to learn what they read and set: the authorizer of the host's own connection belongs to the host.
    ///
    /// What cannot be compiled, because it uses a function, a module or another database that only the host has, stays
    /// unknown.
    fileprivate final class SchemaCopy {
        private let copy: Connection
        private let authorizer: Authorizer

        /// - Parameter host: its schema is read.
        init(of host: Connection) throws(BatchError) {
            copy = try Connection(path: ":memory:", mode: .create)
            copy.tolerateUnknownCollations()
            // With these a statement may set more columns than without, never fewer.
            try copy.execute("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON")
            let objects = "SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY type <> 'table', rowid"
            for sql in try host.rows(objects).compactMap({ $0[0].string }) where SchemaCopy.canCopy(sql) {
                // One that fails is missing, and statements that use it stay unknown.
                try? copy.execute(sql, isVerbatim: true)
            }
            authorizer = Authorizer(copy)
            authorizer.attach()
        }

        deinit { authorizer.detach() }

        /// Modules of others may do something when a table is created.
        private static func canCopy(_ sql: String) -> Bool {
            guard sql.hasPrefix("CREATE VIRTUAL TABLE") else { return true }
            return sql.lowercased().contains(#/using\s+["`\[]?(fts3|fts4|fts5|rtree|rtree_i32)\b/#)
        }

        /// - Returns: what the compiler says of the statement; nil when it cannot be told.
        func effects(of sql: String) -> StatementEffects? {
            guard (try? authorizer.prepare(sql)) != nil else { return nil }
            let effects = authorizer.effects
            return effects.changesSchema ? nil : effects
        }
    }

    /// What was found out about the schema of a host's database, while it stays the same. It is kept from batch to
    /// batch.
    private final class SchemaMemory {
        /// The schema cookie.
        let version: Int64
        /// Nil for the schema in the middle of a checkpoint: it is of no use to another one.
        let objects: [SchemaObject]?
        /// Nil when it cannot be made.
        var copy: HostStatements.SchemaCopy?
        var isCopied = false
        /// By the text of a statement; nil where nothing can be told.
        var effects: [String: StatementEffects?] = [:]
        var captures: [String: TableCapture] = [:]

        init(version: Int64, objects: [SchemaObject]?) {
            self.version = version
            self.objects = objects
        }
    }
}

extension Connection {
    /// Statements that write and have not ended.
    var runningWriters: Int {
        var count = 0
        var statement = sqlite3_next_stmt(handle, nil)
        while let current = statement {
            if sqlite3_stmt_busy(current) != 0, sqlite3_stmt_readonly(current) == 0 { count += 1 }
            statement = sqlite3_next_stmt(handle, current)
        }
        return count
    }

    /// True when a statement that is prepared may delete all rows of a table at once, or fire a trigger that does.
    var mayClearTables: Bool {
        let triggers = """
            SELECT 1 FROM (SELECT type, sql FROM main.sqlite_schema UNION ALL SELECT type, sql FROM temp.sqlite_schema) \
            WHERE type = 'trigger' AND sql LIKE '%delete%' LIMIT 1
            """
        guard let found = try? rows(triggers), found.isEmpty else { return true }
        var statement = sqlite3_next_stmt(handle, nil)
        while let current = statement {
            if sqlite3_stmt_readonly(current) == 0, let text = sqlite3_sql(current), Connection.mayClearTable(text) {
                return true
            }
            statement = sqlite3_next_stmt(handle, current)
        }
        return false
    }

    /// False for what has no DELETE, and for a plain one with WHERE.
    private static func mayClearTable(_ text: UnsafePointer<CChar>) -> Bool {
        let count = strlen(text)
        func byte(_ place: Int) -> UInt8 { (0..<count).contains(place) ? UInt8(bitPattern: text[place]) : 32 }
        func isBlank(_ place: Int) -> Bool { [32, 9, 10, 13].contains(byte(place)) }
        func isOutsideWord(_ place: Int) -> Bool {
            let byte = byte(place)
            return byte < 128 && isalnum(Int32(byte)) == 0 && byte != UInt8(ascii: "_") && byte != UInt8(ascii: "$")
        }
        func holds(_ word: StaticString, between isEdge: (Int) -> Bool) -> Bool {
            let length = word.utf8CodeUnitCount
            let first = word.utf8Start[0] | 32
            return (0..<max(0, count - length + 1)).contains { start in
                UInt8(bitPattern: text[start]) | 32 == first
                    && strncasecmp(
                        text + start, UnsafeRawPointer(word.utf8Start).assumingMemoryBound(to: CChar.self), length)
                        == 0
                    && isEdge(start - 1) && isEdge(start + length)
            }
        }
        guard holds("delete", between: isOutsideWord) else { return false }
        let isPlain = strncasecmp(text, "delete from ", 12) == 0
        // Those of the ledger are not recorded.
        if isPlain, strncasecmp(text, "delete from main.batchmgr_", 26) == 0 { return false }
        let hasComment = holds("--", between: { _ in true }) || holds("/*", between: { _ in true })
        return !isPlain || !holds("where", between: isBlank) || hasComment
    }

    /// Makes SQLite compile every statement anew before it runs again. A DELETE of all rows that was prepared before
    /// the hook was set would not call it.
    ///
    /// A change of a setting does that, and unlike a reset of the schema it is harmless to statements that are running.
    func expireStatements() {
        var now: Int32 = 0
        csqlite_db_config(handle, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, -1, &now)
        csqlite_db_config(handle, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, now == 0 ? 1 : 0, nil)
        csqlite_db_config(handle, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, now, nil)
    }
}

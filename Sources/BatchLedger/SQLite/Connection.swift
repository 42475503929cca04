public import BatchCore
internal import BatchSystem
internal import CSQLite
internal import Glibc

/// One connection to a SQLite database. It belongs to one thread at a time.
public final class Connection {
    public enum Mode: Sendable {
        case readOnly
        /// For a file that nobody can change: no locks, no log beside it. A file that changes nevertheless is read wrong.
        case immutable
        case readWrite
        /// Creates the file when it is missing.
        case create

        /// False when nothing is ever written through such a connection.
        public var canWrite: Bool {
            switch self {
            case .readOnly, .immutable: false
            case .readWrite, .create: true
            }
        }
    }

    let handle: OpaquePointer
    /// Functions that look at something outside the database.
    var outsideFunctions: Set<String> = []
    let ownsHandle: Bool
    public let path: String
    let busyWait: BusyWait?
    private var interruption: Interruption?
    private var cache: [StatementText: CachedStatement] = [:]
    /// See `LedgerNames`; nil as long as there is neither a ledger nor anything in its way.
    public internal(set) var knownLedgerNames: LedgerNames?
    /// The schema cookie at which a ledger with these names was there, committed.
    var ledgerVersion: Int64?
    /// The objects of the schema, without those of the ledger, at a cookie that was committed.
    var committedSchema: (version: Int64, objects: [SchemaObject])?
    /// What gateways on a connection of ours have SQLite ask.
    private(set) lazy var hooks = StatementHooks(handle)
    /// For a connection of a host: what its statements do.
    private(set) lazy var hostStatements = HostStatements(self)
    /// Asked first in each transaction whether it may write: see `Lease`.
    public var fence: ((Connection) throws(BatchError) -> Void)?
    /// Text of a UTF-16 database is read and bound as UTF-16: see `SQLValue`.
    public private(set) lazy var isUTF16: Bool = readEncodingIsUTF16()

    /// Opens `path`. Nothing is read yet: a file that is not a database is reported by the first statement.
    public init(path: String, mode: Mode = .readWrite, busyTimeout milliseconds: Int32 = 5_000) throws(BatchError) {
        var opened: OpaquePointer?
        let flags: Int32
        switch mode {
        case .readOnly: flags = SQLITE_OPEN_READONLY
        case .immutable: flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
        case .readWrite: flags = SQLITE_OPEN_READWRITE
        case .create: flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        }
        let name = mode == .immutable ? "file:\(Connection.escaped(path))?immutable=1" : path
        let code = sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX, PinnedClock.name)
        guard code == SQLITE_OK, let opened else {
            let error = SQLiteFault.error(code, opened, doing: "open \(path)")
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        ownsHandle = true
        self.path = path
        sqlite3_extended_result_codes(opened, 1)
        busyWait = milliseconds > 0 ? BusyWait(milliseconds, on: opened) : nil
        // No code by its address. A schema stays trusted: SQLite 3.40 counts FTS5 among the unsafe virtual tables, and
        // triggers that keep a full-text index are what many databases have. Copies switch the trust off.
        csqlite_db_config(opened, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, nil)
        sqlite3_limit(opened, SQLITE_LIMIT_EXPR_DEPTH, 1_000)
        // What writes says itself when it has to write shadow tables; a copy of ours is made without a journal.
        if mode == .readOnly || mode == .immutable { setDefensive(true) }
        OpenConnections.add(opened)
    }

    /// Works on a connection that a host has opened, and will close.
    public init(borrowing handle: OpaquePointer) {
        self.handle = handle
        ownsHandle = false
        busyWait = nil
        path = sqlite3_db_filename(handle, "main").map { String(cString: $0) } ?? ""
    }

    /// For a URI: https://www.sqlite.org/uri.html
    private static func escaped(_ path: String) -> String {
        path.escaping(["%": "%25", "?": "%3f", "#": "%23"])
    }

    deinit {
        cache.removeAll()
        if ownsHandle {
            OpenConnections.remove(handle)
            sqlite3_close_v2(handle)
        }
    }

    // MARK: Statements

    /// - Parameter isVerbatim: for SQL of users, in which a name of the ledger is theirs.
    public func prepare(_ sql: String, isVerbatim: Bool = false) throws(BatchError) -> Statement {
        try Statement(isVerbatim ? sql : placed(sql), on: self)
    }

    /// SQL of ours with the names that the ledger has here.
    private func placed(_ sql: String) -> String {
        if knownLedgerNames == .usual || !LedgerNames.areUsed(in: sql) { return sql }
        return ledgerNames.placed(sql)
    }

    /// A statement kept for the life of the connection. It comes back reset; use it for one loop at a time.
    public func cached(_ sql: String) throws(BatchError) -> Statement {
        let place = place(of: sql)
        if let statement = place.statement {
            statement.reset()
            return statement
        }
        let statement = try Statement(placed(sql), on: self, isKept: true)
        place.statement = statement
        return statement
    }

    /// Forgets the cached statements: they would hold the schema, and a hook that is set later would not see them.
    public func dropCachedStatements() { cache.removeAll() }

    /// Forgets them when there are more: some bear the names of tables.
    public func limitCachedStatements(to count: Int) {
        if cache.count > count { cache.removeAll() }
    }

    /// Runs every statement of `sql`; results are thrown away.
    /// - Parameter isVerbatim: for SQL of users, in which a name of the ledger is theirs.
    public func execute(_ sql: String, isVerbatim: Bool = false) throws(BatchError) {
        let code = sqlite3_exec(handle, isVerbatim ? sql : placed(sql), nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteFault.error(code, handle, doing: path) }
    }

    /// Takes a statement out of the cache while it runs: SQLite may connect a virtual table of ours in the middle of it,
    /// which asks the same.
    private func borrow(_ sql: String) throws(BatchError) -> (Statement, CachedStatement) {
        let place = place(of: sql)
        if let statement = place.statement {
            place.statement = nil
            return (statement, place)
        }
        return (try Statement(placed(sql), on: self, isKept: true), place)
    }

    private func giveBack(_ statement: Statement, _ place: CachedStatement) {
        statement.reset()
        statement.forgetValues()
        place.statement = statement
    }

    private func place(of sql: String) -> CachedStatement {
        let text = StatementText(text: sql)
        if let place = cache[text] { return place }
        let place = CachedStatement()
        cache[text] = place
        return place
    }

    public func run(_ sql: String, _ parameters: [SQLValue] = []) throws(BatchError) {
        let (statement, place) = try borrow(sql)
        defer { giveBack(statement, place) }
        try statement.bind(parameters)
        while try statement.step() {}
    }

    /// - Parameter bytes: the last parameter; they are not copied.
    func run(_ sql: String, _ parameters: [SQLValue], andBytes bytes: [UInt8]) throws(BatchError) {
        let (statement, place) = try borrow(sql)
        defer { giveBack(statement, place) }
        try statement.bind(parameters)
        let done = bytes.withUnsafeBytes { bytes in
            Result { () throws(BatchError) in
                try statement.bind(inPlace: bytes, at: parameters.count + 1)
                while try statement.step() {}
                statement.reset()
            }
        }
        try done.get()
    }

    /// The first column of the first row; nil when there is no row.
    public func value(_ sql: String, _ parameters: [SQLValue] = []) throws(BatchError) -> SQLValue? {
        let (statement, place) = try borrow(sql)
        defer { giveBack(statement, place) }
        try statement.bind(parameters)
        return try statement.step() ? statement.value(0) : nil
    }

    public func rows(_ sql: String, _ parameters: [SQLValue] = []) throws(BatchError) -> [[SQLValue]] {
        let (statement, place) = try borrow(sql)
        defer { giveBack(statement, place) }
        try statement.bind(parameters)
        var rows: [[SQLValue]] = []
        while try statement.step() { rows.append(statement.values) }
        return rows
    }

    /// Goes through the rows until `body` says false.
    public func forEachRow(
        _ sql: String, _ parameters: [SQLValue] = [], _ body: ([SQLValue]) throws(BatchError) -> Bool
    ) throws(BatchError) {
        let (statement, place) = try borrow(sql)
        defer { giveBack(statement, place) }
        try statement.bind(parameters)
        while try statement.step() {
            guard try body(statement.values) else { return }
        }
    }

    // MARK: State

    /// Not through `Statement.value`, which asks for the encoding itself.
    private func readEncodingIsUTF16() -> Bool {
        var isUTF16: Int32 = 0
        sqlite3_exec(
            handle, "PRAGMA encoding",
            { answer, _, values, _ in
                guard let text = values?[0] else { return 0 }
                answer?.assumingMemoryBound(to: Int32.self).pointee = strncmp(text, "UTF-16", 6) == 0 ? 1 : 0
                return 0
            }, &isUTF16, nil)
        return isUTF16 == 1
    }

    private var pageCacheLimit = Connection.smallPageCache

    /// True outside an explicit transaction.
    public var isAutocommit: Bool { sqlite3_get_autocommit(handle) != 0 }
    public var lastInsertRowID: Int64 { sqlite3_last_insert_rowid(handle) }
    public var changes: Int { Int(sqlite3_changes64(handle)) }

    /// Changes when another connection has committed a change to the database since it was last read here.
    public var dataVersion: Int64 { (try? value("PRAGMA data_version"))?.integer ?? 0 }

    /// How much memory the page cache may take, in KiB; what is more than that is given back.
    public func limitPageCache(to size: Int) throws(BatchError) {
        if size == pageCacheLimit { return }
        try execute("PRAGMA main.cache_size = -\(size)")
        pageCacheLimit = size
    }

    /// SQLite's default.
    public static let smallPageCache = 2_000

    /// True when `COMMIT` would fail for a deferred foreign key.
    var hasDeferredViolations: Bool {
        var now: Int32 = 0
        var peak: Int32 = 0
        return sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &now, &peak, 0) == SQLITE_OK && now != 0
    }

    /// Switches foreign keys on or off; also inside a transaction, where the PRAGMA does nothing.
    public func enforceForeignKeys(_ isOn: Bool) {
        csqlite_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, isOn ? 1 : 0, nil)
    }

    /// While it is on, statements that are compiled can write neither to shadow tables nor to the schema itself.
    func setDefensive(_ isOn: Bool) { csqlite_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, isOn ? 1 : 0, nil) }

    /// Leaves the log of a WAL database beside it when the last connection is closed, so that short commands do not wait
    /// for the disk each time. It is copied when it has grown.
    public func keepLogOnClose() { csqlite_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nil) }

    public func interrupt() { sqlite3_interrupt(handle) }

    /// Ends running statements, with `ERR_PERF_STOPPED`, as soon as `condition` says so; nil for never.
    public func interrupt(when condition: (() -> Bool)?) {
        interruption = condition.map { Interruption($0, on: handle) }
        if interruption == nil { sqlite3_progress_handler(handle, 0, nil, nil) }
    }
}

/// The text of a statement, to find it by. To hash a long text whole costs more than many a statement does.
private struct StatementText: Hashable {
    let text: String

    func hash(into hasher: inout Hasher) {
        let utf8 = text.utf8
        hasher.combine(utf8.count)
        let isHashed: Void? = utf8.withContiguousStorageIfAvailable { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes.prefix(40).suffix(24)))
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes.suffix(24)))
        }
        if isHashed == nil { hasher.combine(text) }
    }
}

/// Where a statement is kept; empty while it is in use.
private final class CachedStatement {
    var statement: Statement?
}

extension Connection {
    /// Sets SQLite up for a whole process that is ours, before the first connection is opened. A host of the extension
    /// makes its own choice.
    public static func prepareProcess() {
        csqlite_forget_memory_statistics()
    }
}

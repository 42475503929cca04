public import BatchCore
internal import BatchSystem
internal import CSQLite

/// A prepared statement; finalised when it is released.
public final class Statement {
    let handle: OpaquePointer
    private unowned let connection: Connection
    /// Keeps the connection open; nil for a statement that the connection itself keeps.
    private let keeper: Connection?
    private let database: OpaquePointer
    private(set) lazy var isUTF16 = connection.isUTF16
    /// The part of the text after this statement: more statements, or only space.
    public let tail: String

    /// Prepares the first statement of `sql`.
    /// - Parameter isKept: by the connection, which would never be closed if its statements kept it in turn.
    /// - Throws: `ERR_DATA_SQL` when the text holds no statement at all.
    init(_ sql: String, on connection: Connection, isKept: Bool = false) throws(BatchError) {
        var prepared: OpaquePointer?
        var rest = ""
        var text = sql
        let code = text.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { characters in
                var end: UnsafePointer<CChar>?
                let code = sqlite3_prepare_v3(
                    connection.handle, characters.baseAddress, Int32(characters.count), 0, &prepared, &end)
                if let end, let base = characters.baseAddress {
                    rest = String(decoding: utf8[(end - base)...], as: UTF8.self)
                }
                return code
            }
        }
        guard code == SQLITE_OK else { throw SQLiteFault.error(code, connection.handle, doing: "prepare SQL") }
        guard let prepared else {
            throw BatchError(.sql, "prepare SQL: the text holds no statement", hint: "give one or more SQL statements")
        }
        handle = prepared
        tail = rest
        self.connection = connection
        keeper = isKept ? nil : connection
        database = connection.handle
    }

    deinit { sqlite3_finalize(handle) }

    /// As it was prepared, without the statements after it.
    var text: String { sqlite3_sql(handle).map { String(cString: $0) } ?? "" }

    // MARK: Parameters

    public func bind(_ values: [SQLValue]) throws(BatchError) {
        for (index, value) in values.enumerated() { try bind(value, at: index + 1) }
    }

    /// - Parameter position: counted from 1, as SQLite does.
    public func bind(_ value: SQLValue, at position: Int) throws(BatchError) {
        let index = Int32(position)
        let code: Int32
        switch value {
        case .null: code = sqlite3_bind_null(handle, index)
        case .integer(let number): code = sqlite3_bind_int64(handle, index, number)
        case .real(let number): code = sqlite3_bind_double(handle, index, number)
        case .text(let bytes):
            code = withPointer(bytes) { csqlite_bind_text(handle, index, $0, Int32(bytes.count)) }
        case .text16(let bytes):
            code = withPointer(bytes) { csqlite_bind_text16(handle, index, $0, Int32(bytes.count)) }
        case .blob(let bytes):
            code = withPointer(bytes) { csqlite_bind_blob(handle, index, $0, Int32(bytes.count)) }
        }
        guard code == SQLITE_OK else { throw SQLiteFault.error(code, database, doing: "bind a value") }
    }

    /// Binds a blob without a copy: the bytes must stay where they are until the statement has run and its values are
    /// forgotten.
    func bind(inPlace bytes: UnsafeRawBufferPointer, at position: Int) throws(BatchError) {
        if bytes.isEmpty { return try bind(.blob([]), at: position) }
        let code = csqlite_bind_blob_static(handle, Int32(position), bytes.baseAddress, Int32(bytes.count))
        guard code == SQLITE_OK else { throw SQLiteFault.error(code, database, doing: "bind a value") }
    }

    /// The bytes of a text or blob where SQLite has them, until the next step; none for NULL.
    func bytes(_ column: Int) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(handle, Int32(column))
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
    }

    /// Binds every parameter of the statement by its name without the `:`, `@` or `$`.
    /// - Throws: `ERR_UX_MISSING_PARAMETER` when one has no value.
    public func bind(named values: [String: SQLValue]) throws(BatchError) {
        guard parameterCount > 0 else { return }
        for position in 1...parameterCount {
            let name = parameterName(position).map { String($0.dropFirst()) } ?? ""
            // Columns of a for_each query are names of SQL: upper and lower case do not matter.
            let found = values[name] ?? values.first { $0.key.lowercased() == name.lowercased() }?.value
            guard let value = found else {
                throw BatchError(
                    .missingParameter, "the statement uses parameter '\(name)', which has no value",
                    hint: "give it with: --set \(name)=VALUE")
            }
            try bind(value, at: position)
        }
    }

    /// A null pointer would bind NULL, also for an empty text or blob.
    private func withPointer(_ bytes: [UInt8], _ body: (UnsafeRawPointer) -> Int32) -> Int32 {
        bytes.withUnsafeBytes { buffer in
            if let base = buffer.baseAddress { return body(base) }
            var nothing: UInt8 = 0
            return body(&nothing)
        }
    }

    public var parameterCount: Int { Int(sqlite3_bind_parameter_count(handle)) }

    /// The name with its prefix (`:id`); nil for `?`.
    public func parameterName(_ position: Int) -> String? {
        sqlite3_bind_parameter_name(handle, Int32(position)).map { String(cString: $0) }
    }

    // MARK: Running

    /// True when a row is there to read, false at the end.
    public func step() throws(BatchError) -> Bool {
        if UnfinishedFiles.isEnding { throw Statement.ending }
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        throw SQLiteFault.error(code, database, doing: "run SQL")
    }

    /// So that the thread comes to where its transaction is rolled back.
    private static var ending: BatchError {
        BatchError(.stopped, "the process is ending", hint: "run it again later")
    }

    /// Ends the run; bound values stay until they are bound again.
    public func reset() { sqlite3_reset(handle) }

    /// Lets go of bound values, which may be large.
    func forgetValues() { sqlite3_clear_bindings(handle) }

    /// How often SQLite has compiled it anew since it was prepared.
    var recompilations: Int32 { sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_REPREPARE, 0) }

    public var isReadOnly: Bool { sqlite3_stmt_readonly(handle) != 0 }

    // MARK: Columns

    public var columnCount: Int { Int(sqlite3_column_count(handle)) }

    public func columnName(_ column: Int) -> String {
        sqlite3_column_name(handle, Int32(column)).map { String(cString: $0) } ?? ""
    }

    public var values: [SQLValue] { (0..<columnCount).map { value($0) } }

    /// - Parameter column: counted from 0, as SQLite does.
    public func value(_ column: Int) -> SQLValue {
        let index = Int32(column)
        switch sqlite3_column_type(handle, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, index))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, index))
        case SQLITE_TEXT where isUTF16:
            let start = sqlite3_column_text16(handle, index)
            return .text16(bytes(start, sqlite3_column_bytes16(handle, index)))
        case SQLITE_TEXT:
            let start = sqlite3_column_text(handle, index)
            return .text(bytes(UnsafeRawPointer(start), sqlite3_column_bytes(handle, index)))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(handle, index)
            return .blob(bytes(start, sqlite3_column_bytes(handle, index)))
        default: return .null
        }
    }

    /// For a column that is known to hold one.
    @inline(__always)
    public func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(truncatingIfNeeded: column)) }

    private func bytes(_ start: UnsafeRawPointer?, _ count: Int32) -> [UInt8] {
        guard let start, count > 0 else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(count)))
    }
}

/// The current row of a statement, whose values go from there to a call of SQLite: for tables that show rows of others.
///
/// It is as short-lived as the row, and holds on to nothing, so that a value costs no more than SQLite takes for it.
public struct StatementRow {
    private let statement: OpaquePointer
    private let isUTF16: Bool

    public init(of statement: Statement) {
        self.statement = statement.handle
        isUTF16 = statement.isUTF16
    }

    /// Hands a value over, whatever it is.
    ///
    /// `sqlite3_result_value` takes new memory for each text; a text that is handed over as such goes where the one before was.
    public func give(_ column: Int32, to call: OpaquePointer) {
        guard let value = sqlite3_column_value(statement, column) else { return }
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: sqlite3_result_int64(call, sqlite3_value_int64(value))
        case SQLITE_TEXT where !isUTF16:
            // Not sqlite3_value_text: it would copy the text to put a NUL after it. Nothing is NULL here.
            guard let start = sqlite3_value_blob(value) else { return sqlite3_result_value(call, value) }
            csqlite_result_text(call, start, sqlite3_value_bytes(value))
        default: sqlite3_result_value(call, value)
        }
    }
}

/// The one funnel for SQLite's result codes: each becomes a `BatchError` that says what to do.
enum SQLiteFault {
    /// - Parameter doing: what was tried, with the name of the thing: "prepare a statement", "open app.db".
    static func error(_ code: Int32, _ database: OpaquePointer?, doing: String) -> BatchError {
        let detail = database.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? ""
        let said = detail.isEmpty ? String(cString: sqlite3_errstr(code)) : detail
        let error = refusal(code, database, "\(place(code, database, doing)): \(said)")
        return BatchError(error.code, error.message, hint: error.hint, cause: .sqlite(code: code, said: said))
    }

    /// Which of several files is damaged is what people need to know first.
    private static func place(_ code: Int32, _ database: OpaquePointer?, _ doing: String) -> String {
        guard [SQLITE_CORRUPT, SQLITE_NOTADB].contains(code & 0xFF),
            let name = database.flatMap({ sqlite3_db_filename($0, "main") })
        else { return doing }
        let path = String(cString: name)
        return path.isEmpty || doing.contains(path) ? doing : "\(doing) in \(path)"
    }

    /// `SQLITE_BUSY_SNAPSHOT`, a macro that Swift does not see.
    private static let busySnapshot: Int32 = 5 | 2 << 8
    /// `SQLITE_IOERR_WRITE`; a full disk is SQLITE_FULL.
    private static let failedWrite: Int32 = 10 | 3 << 8

    private static func refusal(_ code: Int32, _ database: OpaquePointer?, _ message: String) -> BatchError {
        switch code & 0xFF {
        case SQLITE_BUSY where database.map(sqlite3_extended_errcode) == busySnapshot:
            return BatchError(
                .busy, "\(message): the transaction read before another program wrote",
                hint: "waiting does not help: ROLLBACK, and begin again with BEGIN IMMEDIATE")
        case SQLITE_BUSY, SQLITE_LOCKED:
            return BatchError(.busy, message, hint: "another program holds the database; try again in a moment")
        case SQLITE_FULL:
            return BatchError(.diskFull, message, hint: "free some space, then: \(command: "doctor")")
        case SQLITE_NOMEM:
            return SystemError.outOfMemory.error(message)
        case SQLITE_IOERR, SQLITE_CANTOPEN:
            // The system's reason, where it has one that says more than SQLite's words.
            let reason = SystemError(code: sqlite3_system_errno(database))
            if reason.isShortage { return reason.error(message) }
            // What SQLite does to go back has taken its place by then.
            if database.map(sqlite3_extended_errcode) == failedWrite, SystemError.hasLimitOfFileSize {
                return SystemError.fileTooLarge.error(message)
            }
            return BatchError(.file, message, hint: "check that the path exists and may be read and written")
        case SQLITE_NOTADB:
            return BatchError(.notADatabase, message, hint: "give the path of a SQLite database: --db PATH")
        case SQLITE_CORRUPT:
            return BatchError(.corruptDatabase, message, hint: "see what is damaged: \(command: "verify")")
        case SQLITE_READONLY, SQLITE_PERM:
            return BatchError(
                .readOnly, message, hint: "make the database and its folder writable, then: \(command: "doctor")")
        case SQLITE_CONSTRAINT:
            return BatchError(
                .constraint, message, hint: "the transaction was rolled back; correct the statement or the data")
        case SQLITE_AUTH:
            return BatchError(.forbiddenStatement, message, hint: "see docs/catalog.md for what a batch may do")
        case SQLITE_INTERRUPT:
            return BatchError(.stopped, message, hint: "continue it: \(command: "resume --id BATCH")")
        default:
            return BatchError(.sql, message, hint: "correct the statement")
        }
    }
}

/// A BLOB that has its size already, and is filled piece by piece: it never is in memory as a whole.
public final class LargeValue {
    private let connection: Connection
    private let blob: OpaquePointer
    private var position: Int32 = 0

    /// - Parameter row: the rowid.
    public init(in connection: Connection, table: String, column: String, row: Int64) throws(BatchError) {
        var opened: OpaquePointer?
        let code = sqlite3_blob_open(connection.handle, "main", table, column, row, 1, &opened)
        guard code == SQLITE_OK, let opened else {
            throw SQLiteFault.error(code, connection.handle, doing: "write into \(table) of \(connection.path)")
        }
        self.connection = connection
        blob = opened
    }

    deinit { sqlite3_blob_close(blob) }

    public func append(_ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        let code = sqlite3_blob_write(blob, bytes.baseAddress, Int32(bytes.count), position)
        guard code == SQLITE_OK else {
            throw SQLiteFault.error(code, connection.handle, doing: "write \(connection.path)")
        }
        position += Int32(bytes.count)
    }
}

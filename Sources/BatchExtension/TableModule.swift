internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// Registers a kind of virtual table, and takes SQLite's calls to its tables and cursors.
///
/// Source: https://www.sqlite.org/vtab.html
final class TableModule {
    private let name: String
    /// What the table is, by the arguments of CREATE VIRTUAL TABLE; nil for those of a table that need not be created.
    private let make: (Host, [String]?) throws(BatchError) -> HostTable
    private let canBeCreated: Bool
    private var host: Host?

    init(
        _ name: String, canBeCreated: Bool = false, make: @escaping (Host, [String]?) throws(BatchError) -> HostTable
    ) {
        self.name = name
        self.canBeCreated = canBeCreated
        self.make = make
    }

    func register(on database: OpaquePointer, for host: Host) throws(BatchError) {
        self.host = host
        let code = sqlite3_create_module_v2(
            database, name, canBeCreated ? TableModule.created : TableModule.eponymous,
            Unmanaged.passRetained(self).toOpaque(),
            { if let module = $0 { Unmanaged<TableModule>.fromOpaque(module).release() } })
        guard code == SQLITE_OK else {
            throw BatchError(
                .sql, "the table \(name) cannot be registered: \(String(cString: sqlite3_errstr(code)))",
                hint: "load the extension when no statement is running")
        }
    }

    // MARK: What SQLite sees

    /// Cast to `sqlite3_vtab`, which comes first.
    private struct Table {
        var base: sqlite3_vtab
        let name: Unmanaged<TableModule>
        let table: Unmanaged<HostTable>
    }

    private struct Cursor {
        var base: sqlite3_vtab_cursor
        let cursor: Unmanaged<HostCursor>
        var borrowed: BorrowedRow?
    }

    nonisolated(unsafe) private static let eponymous = pointer(to: methods(canBeCreated: false))
    nonisolated(unsafe) private static let created = pointer(to: methods(canBeCreated: true))

    /// For the life of the process.
    private static func pointer(to methods: sqlite3_module) -> UnsafePointer<sqlite3_module> {
        let module = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)
        module.initialize(to: methods)
        return UnsafePointer(module)
    }

    private static func methods(canBeCreated: Bool) -> sqlite3_module {
        var module = sqlite3_module()
        module.iVersion = 0
        module.xConnect = { database, context, count, arguments, result, message in
            TableModule.connect(database, context, count, arguments, result, message)
        }
        // A table without xCreate is there without CREATE VIRTUAL TABLE, and so is one with the same function for both.
        if canBeCreated { module.xCreate = module.xConnect }
        module.xDisconnect = { TableModule.disconnect($0) }
        module.xDestroy = { TableModule.disconnect($0) }
        module.xBestIndex = { TableModule.plan($0, $1) }
        module.xOpen = { TableModule.open($0, $1) }
        module.xClose = { TableModule.close($0) }
        module.xFilter = { TableModule.filter($0, $1, $3, $4) }
        module.xNext = { TableModule.next($0) }
        module.xEof = { TableModule.cursor($0)?.isAtEnd == false ? 0 : 1 }
        module.xColumn = { cursor, call, column in
            guard let cursor, let call else { return SQLITE_OK }
            if let row = TableModule.pointer(cursor).pointee.borrowed {
                row.give(column, to: call)
            } else {
                TableModule.cursor(cursor)?.give(column, to: call)
            }
            return SQLITE_OK
        }
        module.xRowid = { cursor, rowid in
            rowid?.pointee = TableModule.cursor(cursor)?.rowid ?? 0
            return SQLITE_OK
        }
        return module
    }

    @inline(__always)
    private static func cursor(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> HostCursor? {
        guard let cursor else { return nil }
        return pointer(cursor).pointee.cursor._withUnsafeGuaranteedRef { $0 }
    }

    @inline(__always)
    private static func pointer(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>) -> UnsafeMutablePointer<Cursor> {
        UnsafeMutableRawPointer(cursor).assumingMemoryBound(to: Cursor.self)
    }

    private static func table(_ table: UnsafeMutablePointer<sqlite3_vtab>) -> UnsafeMutablePointer<Table> {
        UnsafeMutableRawPointer(table).assumingMemoryBound(to: Table.self)
    }

    /// Says what went wrong, with the name of the table.
    private static func fail(_ base: UnsafeMutablePointer<sqlite3_vtab>?, _ error: BatchError) -> Int32 {
        guard let base else { return SQLITE_ERROR }
        let name = table(base).pointee.name.takeUnretainedValue().name
        sqlite3_free(base.pointee.zErrMsg)
        base.pointee.zErrMsg = HostMemory.text(HostValue.words(error, of: name))
        return error.code == .busy ? SQLITE_BUSY : SQLITE_ERROR
    }

    // MARK: Tables

    private static func connect(
        _ database: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ count: Int32,
        _ arguments: UnsafePointer<UnsafePointer<CChar>?>?,
        _ result: UnsafeMutablePointer<UnsafeMutablePointer<sqlite3_vtab>?>?,
        _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> Int32 {
        guard let database, let context else { return SQLITE_ERROR }
        let module = Unmanaged<TableModule>.fromOpaque(context).takeUnretainedValue()
        guard let host = module.host else { return SQLITE_ERROR }
        do throws(BatchError) {
            // The first three name the module, the schema and the table.
            let texts = (0..<Int(max(0, count))).map { arguments?[$0].map { String(cString: $0) } ?? "" }
            let isCreated = texts.count > 1 && texts.first != texts.last || texts.count > 3
            let made = try module.make(host, isCreated ? Array(texts.dropFirst(3)) : nil)
            let code = sqlite3_declare_vtab(database, made.definition)
            guard code == SQLITE_OK, let memory = sqlite3_malloc64(sqlite3_uint64(MemoryLayout<Table>.size)) else {
                return code == SQLITE_OK ? SQLITE_NOMEM : code
            }
            let table = memory.bindMemory(to: Table.self, capacity: 1)
            // The module outlives its tables.
            table.initialize(
                to: Table(
                    base: sqlite3_vtab(), name: Unmanaged.passUnretained(module), table: Unmanaged.passRetained(made)))
            result?.pointee = memory.assumingMemoryBound(to: sqlite3_vtab.self)
            return SQLITE_OK
        } catch {
            message?.pointee = HostMemory.text(HostValue.words(error, of: module.name))
            return SQLITE_ERROR
        }
    }

    private static func disconnect(_ base: UnsafeMutablePointer<sqlite3_vtab>?) -> Int32 {
        if let base { table(base).pointee.table.release() }
        sqlite3_free(base)
        return SQLITE_OK
    }

    private static func plan(
        _ base: UnsafeMutablePointer<sqlite3_vtab>?, _ info: UnsafeMutablePointer<sqlite3_index_info>?
    ) -> Int32 {
        guard let base, let info else { return SQLITE_ERROR }
        let offered = (0..<Int(max(0, info.pointee.nConstraint))).compactMap { index in
            info.pointee.aConstraint.map { list in
                HostTable.Condition(
                    column: list[index].iColumn, isEqual: Int32(list[index].op) == SQLITE_INDEX_CONSTRAINT_EQ,
                    isUsable: list[index].usable != 0)
            }
        }
        do throws(BatchError) {
            let made = table(base).pointee.table.takeUnretainedValue()
            guard let plan = try made.plan(offered, columns: info.pointee.colUsed) else { return SQLITE_CONSTRAINT }
            info.pointee.idxNum = plan.number
            info.pointee.estimatedCost = plan.cost
            info.pointee.estimatedRows = plan.rows
            for (position, index) in plan.arguments.enumerated() {
                info.pointee.aConstraintUsage?[index].argvIndex = Int32(position + 1)
                info.pointee.aConstraintUsage?[index].omit = plan.areExact ? 1 : 0
            }
            return SQLITE_OK
        } catch { return fail(base, error) }
    }

    // MARK: Cursors

    private static func open(
        _ base: UnsafeMutablePointer<sqlite3_vtab>?,
        _ result: UnsafeMutablePointer<UnsafeMutablePointer<sqlite3_vtab_cursor>?>?
    ) -> Int32 {
        guard let base, let memory = sqlite3_malloc64(sqlite3_uint64(MemoryLayout<Cursor>.size)) else {
            return SQLITE_NOMEM
        }
        let cursor = memory.bindMemory(to: Cursor.self, capacity: 1)
        let made = table(base).pointee.table.takeUnretainedValue().open()
        cursor.initialize(to: Cursor(base: sqlite3_vtab_cursor(), cursor: Unmanaged.passRetained(made), borrowed: nil))
        result?.pointee = memory.assumingMemoryBound(to: sqlite3_vtab_cursor.self)
        return SQLITE_OK
    }

    private static func close(_ base: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> Int32 {
        guard let base else { return SQLITE_OK }
        pointer(base).pointee.cursor.release()
        sqlite3_free(base)
        return SQLITE_OK
    }

    private static func filter(
        _ base: UnsafeMutablePointer<sqlite3_vtab_cursor>?, _ plan: Int32, _ count: Int32,
        _ values: UnsafeMutablePointer<OpaquePointer?>?
    ) -> Int32 {
        guard let base, let cursor = cursor(base) else { return SQLITE_ERROR }
        let arguments = (0..<Int(max(0, count))).map { values?[$0].map(HostValue.read) ?? .null }
        pointer(base).pointee.borrowed = nil
        do throws(BatchError) {
            try cursor.begin(plan, arguments)
            pointer(base).pointee.borrowed = cursor.borrowed
            return SQLITE_OK
        } catch { return fail(base.pointee.pVtab, error) }
    }

    @inline(__always)
    private static func next(_ base: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> Int32 {
        guard let base, let cursor = cursor(base) else { return SQLITE_ERROR }
        pointer(base).pointee.borrowed = nil
        do throws(BatchError) {
            try cursor.next()
            pointer(base).pointee.borrowed = cursor.borrowed
            return SQLITE_OK
        } catch { return fail(base.pointee.pVtab, error) }
    }
}

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

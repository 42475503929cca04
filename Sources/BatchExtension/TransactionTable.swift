internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// A virtual table without rows. A transaction in which it was written tells it about COMMIT, ROLLBACK and every
/// savepoint, also those that SQLite makes for single statements; so nothing is recorded that SQLite takes back, and
/// the hooks for COMMIT and ROLLBACK, of which a connection has one each, stay the host's.
///
/// SQLite disconnects it before it closes the connection, while statements that are still prepared keep that from
/// happening: ours go then.
///
/// Source: https://www.sqlite.org/vtab.html
enum TransactionTable {
    static let name = "batchmgr_transaction"
    /// Not to be kept prepared: it would hold the table when the connection is closed.
    static let watching = "INSERT INTO main.\(name) VALUES(1)"

    /// What SQLite calls a table. It is cast to `sqlite3_vtab`, so that comes first.
    private struct Table {
        var base: sqlite3_vtab
        let host: Unmanaged<Host>
    }

    private typealias Cursor = UnsafeMutablePointer<sqlite3_vtab_cursor>

    static func register(on database: OpaquePointer, for host: Host) throws(BatchError) {
        let code = sqlite3_create_module_v2(
            database, name, module, Unmanaged.passRetained(host).toOpaque(),
            { if let host = $0 { Unmanaged<Host>.fromOpaque(host).release() } })
        guard code == SQLITE_OK else {
            throw BatchError(
                .sql, "the module \(name) cannot be registered: \(String(cString: sqlite3_errstr(code)))",
                hint: "load the extension when no statement is running")
        }
        // Connects it.
        var statement: OpaquePointer?
        sqlite3_prepare_v3(database, "SELECT 1 FROM main.\(name)", -1, 0, &statement, nil)
        sqlite3_finalize(statement)
    }

    private static func host(_ table: UnsafeMutablePointer<sqlite3_vtab>?) -> Host? {
        guard let table else { return nil }
        return UnsafeMutableRawPointer(table).assumingMemoryBound(to: Table.self).pointee.host.takeUnretainedValue()
    }

    /// For the life of the process.
    nonisolated(unsafe) private static let module: UnsafePointer<sqlite3_module> = {
        let module = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)
        module.initialize(to: methods)
        return UnsafePointer(module)
    }()

    private static var methods: sqlite3_module {
        var module = sqlite3_module()
        module.iVersion = 2
        module.xConnect = { database, host, _, _, result, _ in
            guard let database, let host, let memory = sqlite3_malloc64(sqlite3_uint64(MemoryLayout<Table>.size)) else {
                return SQLITE_NOMEM
            }
            let code = sqlite3_declare_vtab(database, "CREATE TABLE x(watched)")
            guard code == SQLITE_OK else {
                sqlite3_free(memory)
                return code
            }
            _ = csqlite_direct_only(database)
            let table = memory.bindMemory(to: Table.self, capacity: 1)
            // The module holds the host longer than its tables.
            table.initialize(to: Table(base: sqlite3_vtab(), host: Unmanaged.fromOpaque(host)))
            result?.pointee = UnsafeMutableRawPointer(table).assumingMemoryBound(to: sqlite3_vtab.self)
            return SQLITE_OK
        }
        module.xDisconnect = { table in
            TransactionTable.host(table)?.connection.dropCachedStatements()
            TransactionTable.host(table)?.batch?.gateway.dropStatements()
            sqlite3_free(table)
            return SQLITE_OK
        }
        module.xBestIndex = { _, _ in SQLITE_OK }
        module.xOpen = { _, result in
            guard let memory = sqlite3_malloc64(sqlite3_uint64(MemoryLayout<sqlite3_vtab_cursor>.size)) else {
                return SQLITE_NOMEM
            }
            let cursor = memory.bindMemory(to: sqlite3_vtab_cursor.self, capacity: 1)
            cursor.initialize(to: sqlite3_vtab_cursor())
            result?.pointee = cursor
            return SQLITE_OK
        }
        module.xClose = { cursor in
            sqlite3_free(cursor)
            return SQLITE_OK
        }
        module.xFilter = { _, _, _, _, _ in SQLITE_OK }
        module.xNext = { _ in SQLITE_OK }
        module.xEof = { _ in 1 }
        module.xColumn = { _, _, _ in SQLITE_OK }
        module.xRowid = { _, _ in SQLITE_OK }
        module.xUpdate = { table, _, _, _ in
            guard TransactionTable.host(table)?.isJoining == true else {
                return TransactionTable.fail(table, "the table is batchmgr's own: SELECT batch_begin('NAME')")
            }
            return SQLITE_OK
        }
        module.xBegin = { _ in SQLITE_OK }
        module.xSync = { table in
            guard let host = TransactionTable.host(table) else { return SQLITE_OK }
            do throws(BatchError) {
                guard let refusal = try host.commitInSync() else { return SQLITE_OK }
                _ = TransactionTable.fail(table, HostValue.words(refusal, of: "COMMIT"))
                // With any other code SQLite would roll the transaction back.
                return SQLITE_BUSY
            } catch {
                return TransactionTable.fail(table, HostValue.words(error, of: "COMMIT"))
            }
        }
        module.xCommit = { table in
            TransactionTable.host(table)?.committed()
            return SQLITE_OK
        }
        module.xRollback = { table in
            TransactionTable.host(table)?.rolledBack()
            return SQLITE_OK
        }
        module.xSavepoint = { table, savepoint in
            TransactionTable.host(table)?.marked(savepoint)
            return SQLITE_OK
        }
        module.xRelease = { table, savepoint in
            TransactionTable.host(table)?.released(savepoint)
            return SQLITE_OK
        }
        module.xRollbackTo = { table, savepoint in
            TransactionTable.host(table)?.wentBack(to: savepoint)
            return SQLITE_OK
        }
        return module
    }

    private static func fail(_ table: UnsafeMutablePointer<sqlite3_vtab>?, _ message: String) -> Int32 {
        if let table {
            sqlite3_free(table.pointee.zErrMsg)
            table.pointee.zErrMsg = HostMemory.text(message)
        }
        return SQLITE_ERROR
    }
}

internal import BatchCore
internal import CSQLite
internal import Glibc

/// Sees every changed row through SQLite's preupdate hook.
///
/// Source: https://www.sqlite.org/c3ref/preupdate_blobwrite.html
final class HookTap: ChangeTap {
    private let sink: ChangeSink
    private let database: OpaquePointer
    private let isUTF16: Bool
    private let rows: UnsafeMutablePointer<RowImages>
    private let isHosted: Bool
    /// What SQLite hands to the hook. A session that is begun behind us takes it for one of its own kind, so it is zero
    /// throughout where sessions look, and stands for one that is switched off.
    private let context: UnsafeMutableRawPointer
    private static let contextSize = 4_096
    private static let ownerOffset = 2_048
    /// The hook that a host had set before. It goes on seeing the host's rows.
    private var hostHook: HookPlace.Hook?
    /// A hook of the host is gone, and this SQLite does not say which.
    private var hasLostHook = false
    private var isDetached = false
    /// Tables whose rows change one after another are looked up by their name once.
    private var lastName = [CChar](repeating: 0, count: 64)
    private var lastTable: CapturedTable?
    private var layoutNumber = 0
    /// A row of an indirect table whose new values can be read once its change has happened.
    private var pending: PendingRow?

    /// A change whose new values are not known yet.
    private struct PendingRow {
        let table: CapturedTable
        let operation: UndoEntry.Operation
        let oldRowid: Int64
        let newRowid: Int64
        /// The key by which the row is found once it has changed.
        let key: [SQLValue]
    }

    init(_ sink: ChangeSink, isHosted: Bool) {
        self.sink = sink
        self.isHosted = isHosted
        database = sink.connection.handle
        isUTF16 = sink.isUTF16
        rows = sink.rows
        context = .allocate(byteCount: HookTap.contextSize, alignment: 16)
        context.initializeMemory(as: UInt8.self, repeating: 0, count: HookTap.contextSize)
        sink.tap = self
        context.storeBytes(
            of: Unmanaged.passUnretained(self).toOpaque(), toByteOffset: HookTap.ownerOffset,
            as: UnsafeMutableRawPointer.self)
    }

    // MARK: Switching on and off

    /// Statements prepared before this are not recorded whole: SQLite decides at prepare whether a DELETE of all rows
    /// may skip the rows. So statements of the connection that were cached are dropped; those of a host are compiled
    /// anew when there is such a one among them.
    func attach() {
        let connection = sink.connection
        if isHosted {
            if connection.mayClearTables { connection.expireStatements() }
        } else {
            connection.dropCachedStatements()
        }
        if !isHosted, connection.isAutocommit {
            // Modules of virtual tables keep statements too; they are connected anew when the schema is read again.
            try? connection.execute("PRAGMA writable_schema = RESET")
        }
        let before = isHosted ? HookPlace.preupdate?.read(database) : nil
        if isHosted, let before, before.function != nil { hostHook = before }
        let argument = sqlite3_preupdate_hook(database, HookTap.hook, context)
        hasLostHook = isHosted && before == nil && argument != nil
    }

    private static let hook: HookPlace.Preupdate = { context, handle, operation, database, table, oldRowid, newRowid in
        guard let context, let database, let table else { return }
        let owner = context.load(fromByteOffset: HookTap.ownerOffset, as: UnsafeMutableRawPointer.self)
        let tap = Unmanaged<HookTap>.fromOpaque(owner).takeUnretainedValue()
        if let hook = tap.hostHook { tap.pass(hook, handle, operation, database, table, oldRowid, newRowid) }
        // "temp" is nobody's business, and attached databases have their own ledgers.
        guard database[0] == 0x6D, strcmp(database, "main") == 0, tap.sink.failure == nil else { return }
        tap.record(operation, table, oldRowid, newRowid)
    }

    /// Calls the hook of the host, but for rows of the ledger.
    @inline(never)
    private func pass(
        _ hook: HookPlace.Hook, _ handle: OpaquePointer?, _ operation: Int32, _ database: UnsafePointer<CChar>,
        _ table: UnsafePointer<CChar>, _ oldRowid: Int64, _ newRowid: Int64
    ) {
        guard let function = hook.function,
            strncmp(table, "batchmgr_", 9) != 0 || !sink.connection.isLedger(String(cString: table))
        else { return }
        unsafeBitCast(function, to: HookPlace.Preupdate.self)(
            hook.argument, handle, operation, database, table, oldRowid, newRowid)
    }

    private var ownHook: HookPlace.Hook {
        HookPlace.Hook(function: unsafeBitCast(HookTap.hook, to: UnsafeRawPointer.self), argument: context)
    }

    /// Whatever the host has set since stays.
    func detach() {
        sink.storedRows.dropStatements()
        if isHosted, let place = HookPlace.preupdate, place.read(database) != ownHook { return }
        if let hostHook, let function = hostHook.function {
            sqlite3_preupdate_hook(
                database, unsafeBitCast(function, to: HookPlace.Preupdate.self), hostHook.argument)
        } else {
            sqlite3_preupdate_hook(database, nil, nil)
        }
        hostHook = nil
        isDetached = true
    }

    deinit {
        // A session that was begun behind us holds on to it.
        if isDetached { context.deallocate() }
    }

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when a hook or a session of the host has taken the place of this.
    func requireUndisturbed() throws(BatchError) {
        guard isHosted else { return }
        let isOwn: Bool
        if let place = HookPlace.preupdate {
            isOwn = place.read(database) == ownHook
        } else {
            // This takes the place back, but there is no other way to ask.
            isOwn = sqlite3_preupdate_hook(database, HookTap.hook, context) == context
        }
        if isOwn { return }
        throw BatchError(
            .notUndoable,
            "a preupdate hook or a session was begun or ended on this connection inside the batch: rows may be unrecorded",
            hint: "begin and end it outside the batch, where it goes on seeing rows; then run the batch again")
    }

    func begin(schemaVersion: Int64) throws(BatchError) {
        if hasLostHook {
            throw BatchError(
                .notUndoable,
                "a preupdate hook or a session is set on this connection, and this SQLite does not say which",
                hint: "end it before batch_begin, and begin it again after the batch")
        }
        // An earlier batch may have left some, if it recorded with them.
        if isHosted { try CaptureTriggers.remove(from: sink.connection) }
    }

    func hasMade(_ name: String, _ text: String) -> Bool { false }
    func forgetRows() { pending = nil }
    func follow(_ change: SchemaChange) {}
    func requireWhole(_ ledger: Ledger) {}
    func noteTransactionEnd() {}
    func remove() {}
    func restoreSettings() {}

    // MARK: The hook

    private func record(_ operation: Int32, _ name: UnsafePointer<CChar>, _ oldRowid: Int64, _ newRowid: Int64) {
        do throws(BatchError) {
            if pending != nil { try settle() }
            if sink.isBetween { try sink.resume() }
            guard let table = try table(name) else { return try sink.noteUnrecorded(name) }
            sink.noteChange(of: table)
            switch operation {
            case SQLITE_INSERT: try recordInsert(table, newRowid)
            case SQLITE_DELETE where sqlite3_preupdate_blobwrite(database) >= 0:
                table.settable.useAll()
                try recordBlobWrite(table, oldRowid)
            case SQLITE_DELETE: try recordDelete(table, oldRowid)
            default: try recordUpdate(table, oldRowid, newRowid)
            }
        } catch {
            sink.fail(error)
        }
    }

    private func table(_ name: UnsafePointer<CChar>) throws(BatchError) -> CapturedTable? {
        if let lastTable, layoutNumber == sink.layoutNumber,
            lastName.withUnsafeBufferPointer({ $0.baseAddress.map { strcmp(name, $0) == 0 } ?? false })
        {
            return lastTable
        }
        let text = String(cString: name)
        guard let table = try sink.table(named: text) else { return nil }
        lastName = Array(text.utf8CString)
        lastTable = table
        layoutNumber = sink.layoutNumber
        return table
    }

    private func recordInsert(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) {
        sink.countInsert()
        if try !readInserted(table, rowid) { return try postpone(.insert, table, rowid, rowid) }
        sink.keepInsert(table, rowid)
    }

    private func recordDelete(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) {
        sink.countDelete()
        try readOld(table, rowid)
        sink.checkOld()
        sink.keepDelete(table, rowid)
    }

    private func recordUpdate(_ table: CapturedTable, _ oldRowid: Int64, _ newRowid: Int64) throws(BatchError) {
        sink.countUpdate()
        sink.prepareSettable(table)
        try readOld(table, oldRowid)
        sink.checkOld()
        if try !readUpdated(table, newRowid) { return try postpone(.update, table, oldRowid, newRowid) }
        sink.keepUpdate(table, oldRowid, newRowid, isWhole: false)
    }

    /// FTS5 writes into its structure record with sqlite3_blob_write, which the hook reports as a deletion.
    private func recordBlobWrite(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) {
        sink.countUpdate()
        try readOld(table, rowid)
        sink.checkOld()
        pending = PendingRow(
            table: table, operation: .update, oldRowid: rowid, newRowid: rowid, key: [.integer(rowid)])
    }

    // MARK: Images, as the hook hands them over

    private func readOld(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) {
        if table.isIndirect {
            try sink.storedRows.read(table, key: oldKey(table, rowid), into: &rows.pointee.old)
            return
        }
        let count = table.columns.count
        rows.pointee.old.begin(columns: count)
        var isShort = false
        for position in 0..<count {
            rows.pointee.old.mark(position)
            let column = table.columns[position]
            if column.isRowid {
                rows.pointee.old.buffer.appendInteger(rowid)
                continue
            }
            var value: OpaquePointer?
            guard sqlite3_preupdate_old(database, column.index, &value) == SQLITE_OK, let value else {
                throw StoredRows.unreadable(table)
            }
            if !column.append(value, isUTF16: isUTF16, to: &rows.pointee.old.buffer) && column.hasDefault {
                isShort = true
            }
        }
        rows.pointee.old.mark(count)
        // A row from before ALTER TABLE ADD COLUMN ends early, and the hook reports NULL in place of the default.
        guard isShort else { return }
        if case .rowid(nil) = table.visible.key {
            return try sink.storedRows.readHidden(table, into: &rows.pointee.old)
        }
        try sink.storedRows.read(table, key: oldKey(table, rowid), into: &rows.pointee.old)
    }

    /// False when the row must be read again once the change has happened: the values are not yet those that SQLite
    /// stores.
    private func readInserted(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) -> Bool {
        let count = table.columns.count
        rows.pointee.new.begin(columns: count)
        if table.isIndirect { return false }
        var isFinal = true
        for position in 0..<count {
            rows.pointee.new.mark(position)
            let column = table.columns[position]
            if column.isRowid {
                rows.pointee.new.buffer.appendInteger(rowid)
                continue
            }
            let value = try newValue(column.index, table)
            let isPresent = column.append(value, isUTF16: isUTF16, to: &rows.pointee.new.buffer)
            // INSERT … SELECT copies short rows as they are.
            if !isPresent && column.hasDefault && table.canBeRead { isFinal = false }
        }
        rows.pointee.new.mark(count)
        return isFinal
    }

    /// Only the values that the statement may set; the old image must be read before.
    /// - Returns: as `readInserted`.
    private func readUpdated(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) -> Bool {
        let count = table.columns.count
        rows.pointee.new.begin(columns: count)
        if table.isIndirect { return false }
        var isFinal = true
        for index in 0..<table.settable.count {
            let position = table.settable.list[index]
            rows.pointee.new.mark(position)
            defer { rows.pointee.new.mark(position + 1) }
            let column = table.columns[position]
            if column.isRowid {
                rows.pointee.new.buffer.appendInteger(rowid)
                continue
            }
            let value = try newValue(column.index, table)
            let isPresent = column.append(value, isUTF16: isUTF16, to: &rows.pointee.new.buffer)
            if isPresent && column.affinity.mayConvert(sqlite3_value_type(value)) {
                rows.pointee.new.mark(position + 1)
                if !rows.pointee.isEqual(position) { isFinal = false }
            }
        }
        return isFinal
    }

    @inline(__always)
    private func newValue(_ index: Int32, _ table: CapturedTable) throws(BatchError) -> OpaquePointer {
        var value: OpaquePointer?
        guard sqlite3_preupdate_new(database, index, &value) == SQLITE_OK, let value else {
            throw StoredRows.unreadable(table)
        }
        return value
    }

    // MARK: Rows that are read once their change has happened

    private func oldKey(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) -> [SQLValue] {
        guard case .primaryKey(let positions) = table.layout.key else { return [.integer(rowid)] }
        var buffer = ByteBuffer()
        for position in positions {
            var value: OpaquePointer?
            guard sqlite3_preupdate_old(database, Int32(position), &value) == SQLITE_OK, let value else {
                throw StoredRows.unreadable(table)
            }
            append(value, position, of: table, to: &buffer)
        }
        return try buffer.values(positions.count)
    }

    /// The key behind the change, of a table whose other columns cannot be told apart yet.
    private func newKey(_ table: CapturedTable, _ operation: UndoEntry.Operation) throws(BatchError) -> [SQLValue] {
        guard case .primaryKey(let positions) = table.layout.key else { return [] }
        let byStorage = operation == .update && Numbering.updatesByStorage
        var buffer = ByteBuffer()
        for position in positions {
            let virtual = table.layout.columns[..<position].count { $0.generated == .virtual }
            let value = try newValue(Int32(byStorage ? position - virtual : position), table)
            append(value, position, of: table, to: &buffer)
        }
        return try buffer.values(positions.count)
    }

    private func append(_ value: OpaquePointer, _ position: Int, of table: CapturedTable, to buffer: inout ByteBuffer) {
        let column = CapturedTable.StoredColumn(
            index: 0, affinity: table.layout.columns[position].affinity, hasDefault: false, isRowid: false)
        _ = column.append(value, isUTF16: isUTF16, to: &buffer)
    }

    /// Puts the change off until its new values can be read.
    private func postpone(
        _ operation: UndoEntry.Operation, _ table: CapturedTable, _ oldRowid: Int64, _ newRowid: Int64
    ) throws(BatchError) {
        var key: [SQLValue] = [.integer(newRowid)]
        if table.isWithoutRowID && table.isIndirect {
            key = try newKey(table, operation)
        } else if table.isWithoutRowID {
            var buffer = ByteBuffer()
            for column in table.keyColumns {
                let isNew = operation == .insert || table.settable.contains(column)
                let value = isNew ? rows.pointee.new.column(column) : rows.pointee.old.column(column)
                if let base = value.baseAddress { buffer.append(base, count: value.count) }
            }
            key = try buffer.values(table.keyColumns.count)
        }
        pending = PendingRow(table: table, operation: operation, oldRowid: oldRowid, newRowid: newRowid, key: key)
    }

    /// Reads the new values of the last change, now that it has happened, and writes its entry.
    func settle() throws(BatchError) {
        guard let row = pending else { return }
        pending = nil
        try sink.storedRows.read(row.table, key: row.key, into: &rows.pointee.new)
        if row.operation == .insert {
            sink.keepInsert(row.table, row.newRowid)
        } else {
            sink.keepUpdate(row.table, row.oldRowid, row.newRowid, isWhole: true)
        }
    }

    /// How the SQLite at hand numbers the columns of an updated row.
    ///
    /// SQLite 3.40 counts the new values of an UPDATE in the order in which rows are stored, where virtual generated
    /// columns stand behind all others; the documentation promises the order of the table. So one update is tried out.
    private enum Numbering {
        static let updatesByStorage: Bool = probe()

        private static func probe() -> Bool {
            var seen: Int64 = 0
            guard let connection = try? Connection(path: ":memory:") else { return false }
            let table =
                "CREATE TABLE p(v AS (k) VIRTUAL, k INTEGER PRIMARY KEY, w) WITHOUT ROWID; INSERT INTO p VALUES(5, 1)"
            guard (try? connection.execute(table)) != nil else { return false }
            withUnsafeMutablePointer(to: &seen) { seen in
                sqlite3_preupdate_hook(
                    connection.handle,
                    { context, database, _, _, _, _, _ in
                        var value: OpaquePointer?
                        guard sqlite3_preupdate_new(database, 1, &value) == SQLITE_OK, let value else { return }
                        context?.assumingMemoryBound(to: Int64.self).pointee = sqlite3_value_int64(value)
                    }, seen)
                try? connection.execute("UPDATE p SET w = 2")
                sqlite3_preupdate_hook(connection.handle, nil, nil)
            }
            return seen != 5
        }
    }
}

extension Connection {
    /// True when a statement that is prepared may delete all rows of a table at once, or fire a trigger that does.
    fileprivate var mayClearTables: Bool {
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

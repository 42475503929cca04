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
    private let kept: KeptValues
    private let isHosted: Bool
    private let hook: PreupdateHook
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
        kept = sink.keptValues
        hook = PreupdateHook(HookTap.function, on: database, isHosted: isHosted)
        sink.tap = self
        sink.captured.keepsLongValues = true
        hook.setOwner(Unmanaged.passUnretained(self).toOpaque())
    }

    // MARK: Switching on and off

    /// Statements prepared before this are not recorded whole: SQLite decides at prepare whether a DELETE of all rows
    /// may skip the rows. Where there is such a one among them, they are compiled anew.
    func attach() {
        let connection = sink.connection
        if connection.mayClearTables {
            if isHosted { connection.expireStatements() } else { forgetStatements(of: connection) }
        }
        hook.attach()
    }

    private func forgetStatements(of connection: Connection) {
        connection.dropCachedStatements()
        guard connection.isAutocommit else { return }
        // Modules of virtual tables keep statements too; they are connected anew when the schema is read again.
        try? connection.execute("PRAGMA writable_schema = RESET")
    }

    private static let function: HookPlace.Preupdate = {
        context, handle, operation, database, table, oldRowid, newRowid in
        guard let context, let database, let table else { return }
        let tap = Unmanaged<HookTap>.fromOpaque(PreupdateHook.owner(context)).takeUnretainedValue()
        if let hook = tap.hook.hostHook { tap.pass(hook, handle, operation, database, table, oldRowid, newRowid) }
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

    func detach() {
        sink.storedRows.dropStatements()
        hook.detach()
    }

    func requireUndisturbed() throws(BatchError) { try hook.requireUndisturbed() }

    func begin(schemaVersion: Int64) throws(BatchError) {
        try hook.requireNoneLost()
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
        if sink.isAside { return }
        do throws(BatchError) {
            if pending != nil { try settle() }
            if sink.isBetween { try sink.resume() }
            guard let table = try sink.captured.table(called: name) else { return try sink.noteUnrecorded(name) }
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
        if kept.file != nil, mayGetLongValue(table) { return try postpone(.update, table, oldRowid, newRowid) }
        if try !readUpdated(table, newRowid) { return try postpone(.update, table, oldRowid, newRowid) }
        sink.keepUpdate(table, oldRowid, newRowid, isWhole: false)
    }

    /// A long value is about to be replaced, mostly by another one. SQLite has the old one in memory until the hook
    /// returns, the new one twice, and would copy it once more for us: so that is read after the change.
    private func mayGetLongValue(_ table: CapturedTable) -> Bool {
        guard table.canBeRead, !table.keyColumns.contains(where: { table.settable.contains($0) }) else { return false }
        return (0..<table.settable.count).contains { index in
            rows.pointee.old.column(table.settable.list[index]).first == RowCodec.Tag.kept
        }
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
            if !column.append(value, isUTF16: isUTF16, to: &rows.pointee.old.buffer, keeping: kept)
                && column.hasDefault
            {
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
            let isPresent = column.append(value, isUTF16: isUTF16, to: &rows.pointee.new.buffer, keeping: kept)
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
            let isPresent = column.append(value, isUTF16: isUTF16, to: &rows.pointee.new.buffer, keeping: kept)
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

    /// The key after the change, of a table whose other columns cannot be told apart yet.
    private func newKey(_ table: CapturedTable, _ operation: UndoEntry.Operation) throws(BatchError) -> [SQLValue] {
        guard case .primaryKey(let positions) = table.layout.key else { return [] }
        let byStorage = operation == .update && PreupdateNumbering.updatesByStorage
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
}

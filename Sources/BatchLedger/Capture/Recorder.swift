internal import BatchCore
internal import CSQLite
internal import Glibc

/// Records every row change of one connection in the order of execution, from SQLite's preupdate hook.
///
/// The undo log needs the order: going back through it passes only states the database was in, so swapped unique values
/// undo cleanly. The session extension keeps no order, skips tables without a primary key and costs more.
/// Source: https://www.sqlite.org/c3ref/preupdate_blobwrite.html
final class Recorder {
    private unowned let connection: Connection
    private let isUTF16: Bool
    let log: UndoLogWriter
    private let builder: TableTrackBuilder

    private(set) var tracks: [TableTrack] = []
    private var trackByName: [String: TableTrack?] = [:]
    /// Tables whose rows change one after another are looked up by their name once.
    private var lastName = [CChar](repeating: 0, count: 64)
    private var lastTrack: TableTrack?

    /// Behind a pointer: Swift checks every access to a variable of a class, and these are written for every value.
    private let rows = UnsafeMutablePointer<RowImages>.allocate(capacity: 1)
    private var rowReaders: [Int: StoredRowReader] = [:]
    /// A row of an indirect table whose new values can be read once its change has happened.
    private var pending: PendingRow?

    /// The first failure inside the hook, which cannot throw; the checkpoint must not be committed.
    private(set) var failure: BatchError?
    private(set) var counts = RowCounts()
    /// While a statement changes the schema: the tables whose rows are recorded; nil for all.
    private var allowed: Set<String>?
    /// During undo: the hash that the next changed row must have, and what was found.
    var expected: UInt64?
    var expectationMet = true
    var hookCalls = 0

    init(_ connection: Connection, spillFolder: String) {
        self.connection = connection
        isUTF16 = connection.isUTF16
        log = UndoLogWriter(spillFolder: spillFolder)
        builder = TableTrackBuilder(schema: SchemaReader(connection))
        rows.initialize(to: RowImages())
    }

    deinit {
        rows.deinitialize(count: 1)
        rows.deallocate()
    }

    // MARK: Switching on and off

    /// Statements prepared before this are not recorded whole: SQLite decides at prepare whether a DELETE of all rows
    /// may skip the rows. So statements of the connection that were cached are dropped.
    func attach() {
        connection.dropCachedStatements()
        sqlite3_preupdate_hook(
            connection.handle,
            { context, _, operation, database, table, oldRowid, newRowid in
                guard let context, let database, let table else { return }
                let recorder = Unmanaged<Recorder>.fromOpaque(context).takeUnretainedValue()
                // "main" is the only database whose name begins so; "temp" is nobody's business.
                guard database[0] == 0x6D, recorder.failure == nil else { return }
                recorder.record(operation, table, oldRowid, newRowid)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    func detach() {
        sqlite3_preupdate_hook(connection.handle, nil, nil)
        rowReaders.removeAll()
    }

    /// Forgets everything of the checkpoint: it was committed, or rolled back.
    func reset() {
        log.discard()
        tracks = []
        trackByName = [:]
        lastTrack = nil
        rowReaders = [:]
        pending = nil
        failure = nil
        counts = RowCounts()
    }

    // MARK: The hook

    private func record(_ operation: Int32, _ name: UnsafePointer<CChar>, _ oldRowid: Int64, _ newRowid: Int64) {
        do throws(BatchError) {
            if pending != nil { try settlePending() }
            guard let track = try track(name) else { return }
            hookCalls &+= 1
            track.isTouched = true
            switch operation {
            case SQLITE_INSERT: try recordInsert(track, newRowid)
            case SQLITE_DELETE: try recordDelete(track, oldRowid)
            default: try recordUpdate(track, oldRowid, newRowid)
            }
        } catch {
            failure = error
        }
    }

    private func recordInsert(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        counts.inserted += 1
        if track.isIndirect {
            pending = PendingRow(track: track, operation: .insert, oldRowid: rowid, newRowid: rowid)
            return
        }
        try readNew(track, rowid, isUpdate: false)
        try writeInsert(track, rowid)
    }

    private func writeInsert(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        let left = rows.pointee.new.buffer.digest()
        track.digest += TableDigest(digest: left, rows: 1)
        noteKeys(track, in: rows.pointee.new, side: .added)
        log.begin(.insert, flags: 0, table: track)
        if track.isWithoutRowID {
            track.added.insert(keyHash(track, rows.pointee.new))
            appendKey(track, rows.pointee.new)
        } else {
            track.added.insert(UInt64(bitPattern: rowid) ^ (1 << 63))
            log.appendRowid(rowid, of: track)
        }
        log.appendFixed(left.low)
        try log.end()
    }

    private func recordDelete(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        counts.deleted += 1
        try readOld(track, rowid)
        try writeDelete(track, rowid, met: rows.pointee.old.buffer.digest())
    }

    private func writeDelete(_ track: TableTrack, _ rowid: Int64, met before: Digest) throws(BatchError) {
        check(before)
        track.digest -= TableDigest(digest: before, rows: 1)
        noteKeys(track, in: rows.pointee.old, side: .removed)
        log.begin(.delete, flags: 0, table: track)
        if track.isWithoutRowID {
            track.removed.insert(keyHash(track, rows.pointee.old))
        } else {
            track.removed.insert(UInt64(bitPattern: rowid) ^ (1 << 63))
            log.appendRowid(rowid, of: track)
        }
        log.append(rows.pointee.old.buffer.bytes)
        try log.end()
    }

    private func recordUpdate(_ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64) throws(BatchError) {
        counts.updated += 1
        try readOld(track, oldRowid)
        if track.isIndirect {
            check(rows.pointee.old.buffer.digest())
            pending = PendingRow(track: track, operation: .update, oldRowid: oldRowid, newRowid: newRowid)
            return
        }
        try readNew(track, newRowid, isUpdate: true)
        try writeUpdate(track, oldRowid, newRowid, isChecked: false)
    }

    private func writeUpdate(
        _ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64, isChecked: Bool
    ) throws(BatchError) {
        let before = rows.pointee.old.buffer.digest()
        if !isChecked { check(before) }
        let left = rows.pointee.new.buffer.digest()
        let keyChanged = track.isWithoutRowID ? !hasSameKey(track) : oldRowid != newRowid
        if before == left && !keyChanged { return }
        track.digest -= TableDigest(digest: before, rows: 0)
        track.digest += TableDigest(digest: left, rows: 0)
        noteChangedKeys(track)
        log.begin(.update, flags: keyChanged ? UndoEntry.Flag.key : 0, table: track)
        if track.isWithoutRowID {
            noteRowKeys(track, keyHash(track, rows.pointee.old), keyHash(track, rows.pointee.new), keyChanged)
            appendKey(track, rows.pointee.new)
        } else {
            noteRowKeys(
                track, UInt64(bitPattern: oldRowid) ^ (1 << 63), UInt64(bitPattern: newRowid) ^ (1 << 63), keyChanged)
            log.appendRowid(newRowid, of: track)
            if keyChanged { log.appendVarint(UInt64(bitPattern: oldRowid &- newRowid)) }
        }
        appendChangedColumns(track)
        log.appendFixed(left.low)
        try log.end()
    }

    private func appendChangedColumns(_ track: TableTrack) {
        let count = track.columns.count
        var column = 0
        while column < count {
            var mask: UInt8 = 0
            for bit in 0..<min(8, count - column) where !rows.pointee.isEqual(column + bit) { mask |= 1 << UInt8(bit) }
            log.append(mask)
            column += 8
        }
        for column in 0..<count where !rows.pointee.isEqual(column) { log.append(rows.pointee.old.column(column)) }
    }

    @inline(__always)
    private func check(_ found: Digest) {
        if let expected, expected != found.low { expectationMet = false }
    }

    // MARK: Keys

    @inline(__always)
    private func noteRowKeys(_ track: TableTrack, _ before: UInt64, _ after: UInt64, _ keyChanged: Bool) {
        if keyChanged {
            track.removed.insert(before)
            track.added.insert(after)
        } else {
            track.changed.insert(after)
        }
    }

    private func hasSameKey(_ track: TableTrack) -> Bool {
        track.keyColumns.allSatisfy { rows.pointee.isEqual($0) }
    }

    private func keyHash(_ track: TableTrack, _ row: RowBuffer) -> UInt64 {
        rows.pointee.scratch.removeAll()
        for column in track.keyColumns {
            let value = row.column(column)
            if let base = value.baseAddress { rows.pointee.scratch.append(base, count: value.count) }
        }
        return rows.pointee.scratch.hash64()
    }

    private func appendKey(_ track: TableTrack, _ row: RowBuffer) {
        for column in track.keyColumns { log.append(row.column(column)) }
    }

    @inline(__always)
    private func noteKeys(_ track: TableTrack, in row: RowBuffer, side: FactSide) {
        for index in track.uniqueKeys.indices {
            guard let hash = uniqueHash(row, track.uniqueKeys[index]) else { continue }
            if side == .added {
                track.uniqueKeys[index].taken.insert(hash)
            } else {
                track.uniqueKeys[index].freed.insert(hash)
            }
        }
        for index in track.references.indices {
            guard let key = referenceKey(row, track.references[index]) else { continue }
            if side == .added {
                track.references[index].referenced.insert(key)
            } else {
                track.references[index].released.insert(key)
            }
        }
    }

    private func noteChangedKeys(_ track: TableTrack) {
        for index in track.uniqueKeys.indices {
            let columns = track.uniqueKeys[index].columns
            if columns.allSatisfy({ rows.pointee.isEqual($0) }) { continue }
            if let hash = uniqueHash(rows.pointee.old, track.uniqueKeys[index]) {
                track.uniqueKeys[index].freed.insert(hash)
            }
            if let hash = uniqueHash(rows.pointee.new, track.uniqueKeys[index]) {
                track.uniqueKeys[index].taken.insert(hash)
            }
        }
        for index in track.references.indices {
            let columns = track.references[index].columns
            if columns.allSatisfy({ rows.pointee.isEqual($0) }) { continue }
            if let key = referenceKey(rows.pointee.old, track.references[index]) {
                track.references[index].released.insert(key)
            }
            if let key = referenceKey(rows.pointee.new, track.references[index]) {
                track.references[index].referenced.insert(key)
            }
        }
    }

    private func uniqueHash(_ row: RowBuffer, _ key: UniqueTrack) -> UInt64? {
        rows.pointee.scratch.removeAll()
        for (column, collation) in zip(key.columns, key.collations)
        where !KeyHash.append(row.column(column), collation, to: &rows.pointee.scratch) { return nil }
        return rows.pointee.scratch.hash64()
    }

    private func referenceKey(_ row: RowBuffer, _ reference: ReferenceTrack) -> UInt64? {
        if let collations = reference.collations {
            rows.pointee.scratch.removeAll()
            for (column, collation) in zip(reference.columns, collations)
            where !KeyHash.append(row.column(column), collation, to: &rows.pointee.scratch) { return nil }
            return rows.pointee.scratch.hash64()
        }
        var reader = ByteReader(row.column(reference.columns[0]))
        guard case .integer(let rowid)? = try? reader.value() else { return nil }
        return UInt64(bitPattern: rowid) ^ (1 << 63)
    }

    // MARK: Rows

    private func readOld(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        if track.isIndirect {
            try readStored(track, key: oldKey(track, rowid), into: &rows.pointee.old)
            return
        }
        let database = connection.handle
        let count = track.columns.count
        rows.pointee.old.begin(columns: count)
        var isShort = false
        for position in 0..<count {
            rows.pointee.old.mark(position)
            let column = track.columns[position]
            if column.isRowid {
                rows.pointee.old.buffer.appendInteger(rowid)
                continue
            }
            var value: OpaquePointer?
            guard sqlite3_preupdate_old(database, column.index, &value) == SQLITE_OK, let value else {
                throw unreadable(track)
            }
            if !append(value, column, to: &rows.pointee.old.buffer) && column.hasDefault { isShort = true }
        }
        rows.pointee.old.mark(count)
        // A row from before ALTER TABLE ADD COLUMN ends early, and the hook reports NULL in place of the default.
        if isShort { try readStored(track, key: oldKey(track, rowid), into: &rows.pointee.old) }
    }

    private func readNew(_ track: TableTrack, _ rowid: Int64, isUpdate: Bool) throws(BatchError) {
        let database = connection.handle
        let count = track.columns.count
        rows.pointee.new.begin(columns: count)
        for position in 0..<count {
            rows.pointee.new.mark(position)
            let column = track.columns[position]
            if column.isRowid {
                rows.pointee.new.buffer.appendInteger(rowid)
                continue
            }
            var value: OpaquePointer?
            guard sqlite3_preupdate_new(database, column.index, &value) == SQLITE_OK, let value else {
                throw unreadable(track)
            }
            _ = append(value, column, to: &rows.pointee.new.buffer)
        }
        rows.pointee.new.mark(count)
    }

    /// False for NULL.
    @inline(__always)
    private func append(_ value: OpaquePointer, _ column: TableTrack.StoredColumn, to buffer: inout ByteBuffer) -> Bool
    {
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER:
            let number = sqlite3_value_int64(value)
            // Whole numbers of a REAL column are stored as integers to save space, and SELECT returns them as reals.
            if column.isReal { buffer.appendReal(Double(number)) } else { buffer.appendInteger(number) }
        case SQLITE_FLOAT: buffer.appendReal(sqlite3_value_double(value))
        case SQLITE_TEXT where isUTF16:
            let start = sqlite3_value_text16(value)
            buffer.appendBytes(RowCodec.Tag.text16, start, Int(sqlite3_value_bytes16(value)))
        case SQLITE_TEXT:
            // Not sqlite3_value_text: it would copy the text to put a NUL behind it.
            let start = sqlite3_value_blob(value)
            buffer.appendBytes(RowCodec.Tag.text, start, Int(sqlite3_value_bytes(value)))
        case SQLITE_BLOB:
            let start = sqlite3_value_blob(value)
            buffer.appendBytes(RowCodec.Tag.blob, start, Int(sqlite3_value_bytes(value)))
        default:
            buffer.append(RowCodec.Tag.null)
            return false
        }
        return true
    }

    private func unreadable(_ track: TableTrack) -> BatchError {
        BatchError(
            .internalFault, "the changed row of table \(track.layout.name) cannot be read",
            hint: "check the library: batchmgr doctor")
    }
}

// MARK: - Rows read with SELECT

extension Recorder {
    /// A change whose new values are not known yet.
    private struct PendingRow {
        let track: TableTrack
        let operation: UndoEntry.Operation
        let oldRowid: Int64
        let newRowid: Int64
    }

    private func oldKey(_ track: TableTrack, _ rowid: Int64) throws(BatchError) -> [SQLValue] {
        guard track.isWithoutRowID, case .primaryKey(let positions) = track.layout.key else { return [.integer(rowid)] }
        var key: [SQLValue] = []
        for position in positions {
            var value: OpaquePointer?
            guard sqlite3_preupdate_old(connection.handle, Int32(position), &value) == SQLITE_OK, let value else {
                throw unreadable(track)
            }
            var buffer = ByteBuffer()
            _ = append(
                value,
                .init(
                    index: 0, isReal: track.layout.columns[position].hasRealAffinity, hasDefault: false, isRowid: false),
                to: &buffer)
            var reader = ByteReader(buffer.bytes)
            key.append(try reader.value())
        }
        return key
    }

    private func readStored(_ track: TableTrack, key: [SQLValue], into row: inout RowBuffer) throws(BatchError) {
        let reader: StoredRowReader
        if let known = rowReaders[track.number] {
            reader = known
        } else {
            reader = try StoredRowReader(track.layout, on: connection)
            rowReaders[track.number] = reader
        }
        guard try reader.read(key, isUTF16: isUTF16, into: &row) else { throw unreadable(track) }
    }

    /// Reads the new values of the last change, now that it has happened, and writes its entry.
    func settlePending() throws(BatchError) {
        guard let row = pending else { return }
        pending = nil
        try readStored(row.track, key: [.integer(row.newRowid)], into: &rows.pointee.new)
        if row.operation == .insert {
            try writeInsert(row.track, row.newRowid)
        } else {
            try writeUpdate(row.track, row.oldRowid, row.newRowid, isChecked: true)
        }
    }

    // MARK: Tables

    private func track(_ name: UnsafePointer<CChar>) throws(BatchError) -> TableTrack? {
        if let lastTrack, lastName.withUnsafeBufferPointer({ $0.baseAddress.map { strcmp(name, $0) == 0 } ?? false }) {
            return lastTrack
        }
        let text = String(cString: name)
        guard let track = try track(named: text) else { return nil }
        lastName = Array(text.utf8CString)
        lastTrack = track
        return track
    }

    /// Limits the recorder to tables that were there before, and are not to be rewritten themselves.
    func limit(to tables: Set<String>?) {
        allowed = tables
        forgetLayouts()
    }

    /// Nil for tables that are not recorded: SQLite's own and the ledger's.
    private func track(named name: String) throws(BatchError) -> TableTrack? {
        if let known = trackByName[name] { return known }
        var track: TableTrack?
        if !name.hasPrefix("sqlite_") && !SQLName.isLedger(name) && allowed?.contains(name) != false {
            guard let layout = try builder.schema.layout(named: name) else {
                throw BatchError(
                    .internalFault, "table \(name) changed, but the schema does not hold it", hint: "batchmgr doctor")
            }
            track = try makeTrack(layout)
        }
        trackByName[name] = .some(track)
        return track
    }

    func makeTrack(_ layout: TableLayout) throws(BatchError) -> TableTrack {
        let track = try builder.track(layout, number: tracks.count)
        tracks.append(track)
        return track
    }

    /// After a change of the schema every table must be looked up again.
    func forgetLayouts() {
        trackByName = [:]
        lastTrack = nil
        rowReaders = [:]
    }
}

internal import BatchCore
internal import CSQLite
internal import Glibc

/// Records every row change of one connection in the order of execution, from SQLite's preupdate hook.
///
/// The undo log needs the order: going back through it passes only states the database was in, so swapped unique values
/// undo cleanly. The session extension keeps no order, skips tables without a primary key and costs more.
/// Source: https://www.sqlite.org/c3ref/preupdate_blobwrite.html
final class Recorder {
    unowned let connection: Connection
    let database: OpaquePointer
    let isUTF16: Bool
    let log: UndoLogWriter
    let builder: TableTrackBuilder

    var tracks: [TableTrack] = []
    var trackByName: [String: TableTrack?] = [:]
    /// Tables whose rows change one after another are looked up by their name once.
    var lastName = [CChar](repeating: 0, count: 64)
    var lastTrack: TableTrack?

    /// Behind a pointer: Swift checks every access to a variable of a class, and these are written for every value.
    let rows = UnsafeMutablePointer<RowImages>.allocate(capacity: 1)
    var rowReaders: [Int: StoredRowReader] = [:]
    /// A row of an indirect table whose new values can be read once its change has happened.
    var pending: PendingRow?

    /// The first failure inside the hook, which cannot throw; the checkpoint must not be committed.
    var failure: BatchError?
    var counts = RowCounts()
    /// While a statement changes the schema: the tables whose rows are recorded; nil for all.
    var allowed: Set<String>?
    /// Layouts under which tables are recorded whose columns are renamed for a moment.
    var recordedLayouts: [String: TableLayout] = [:]
    /// During undo: the hash that the next changed row must have, and what was found.
    var expected: UInt64?
    var expectationMet = true
    var hookCalls = 0
    private var settable = SettableColumns.all
    /// Counts the statements for which `settable` was said.
    private var statementNumber = 0

    init(_ connection: Connection, spillFolder: String) {
        self.connection = connection
        database = connection.handle
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
        // Modules of virtual tables keep statements too; they are connected anew when the schema is read again.
        if connection.isAutocommit { try? connection.execute("PRAGMA writable_schema = RESET") }
        sqlite3_preupdate_hook(
            connection.handle,
            { context, _, operation, database, table, oldRowid, newRowid in
                guard let context, let database, let table else { return }
                let recorder = Unmanaged<Recorder>.fromOpaque(context).takeUnretainedValue()
                // "temp" is nobody's business, and attached databases have their own ledgers.
                guard database[0] == 0x6D, strcmp(database, "main") == 0, recorder.failure == nil else { return }
                recorder.record(operation, table, oldRowid, newRowid)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    func detach() {
        sqlite3_preupdate_hook(connection.handle, nil, nil)
        rowReaders.removeAll()
    }

    /// A statement failed half-way: what the log holds of it never happened, so the checkpoint must not be committed.
    func fail(_ error: BatchError) {
        if failure == nil { failure = error }
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
        recordedLayouts = [:]
        counts = RowCounts()
    }

    /// Says which columns the statements that run next may set.
    func expect(_ columns: SettableColumns) {
        settable = columns
        statementNumber &+= 1
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
            case SQLITE_DELETE where sqlite3_preupdate_blobwrite(connection.handle) >= 0:
                track.settable.useAll()
                try recordBlobWrite(track, oldRowid)
            case SQLITE_DELETE: try recordDelete(track, oldRowid)
            default: try recordUpdate(track, oldRowid, newRowid)
            }
        } catch {
            failure = error
        }
    }

    private func recordInsert(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        counts.inserted += 1
        if try !readInserted(track, rowid) { return try postpone(.insert, track, rowid, rowid) }
        try writeInsert(track, rowid)
    }

    func writeInsert(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
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
        track.settable.prepare(settable, statement: statementNumber, track)
        try readOld(track, oldRowid)
        if try !readUpdated(track, newRowid) {
            check(rows.pointee.old.buffer.digest())
            try postpone(.update, track, oldRowid, newRowid)
            return
        }
        try writeUpdate(track, oldRowid, newRowid, isChecked: false)
    }

    func writeUpdate(
        _ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64, isChecked: Bool
    ) throws(BatchError) {
        let before = rows.pointee.old.buffer.digest()
        if !isChecked { check(before) }
        let left = rows.pointee.new.buffer.digest()
        let keyChanged = track.isWithoutRowID ? !hasSameKey(track) : oldRowid != newRowid
        if before == left && !keyChanged {
            track.confirmed.insert(
                track.isWithoutRowID ? keyHash(track, rows.pointee.new) : RowKey.rowid(newRowid).order)
            return
        }
        track.digest -= TableDigest(digest: before, rows: 0)
        track.digest += TableDigest(digest: left, rows: 0)
        if track.settable.touchesKeys { noteChangedKeys(track) }
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
        let positions = track.settable.list
        var next = 0
        for first in stride(from: 0, to: track.columns.count, by: 8) {
            var mask: UInt8 = 0
            while next < track.settable.count, positions[next] < first + 8 {
                if !rows.pointee.isEqual(positions[next]) { mask |= 1 << UInt8(positions[next] - first) }
                next += 1
            }
            log.append(mask)
        }
        for index in 0..<track.settable.count where !rows.pointee.isEqual(positions[index]) {
            log.append(rows.pointee.old.column(positions[index]))
        }
    }

    @inline(__always)
    func check(_ found: Digest) {
        if let expected, expected != found.low { expectationMet = false }
    }
}

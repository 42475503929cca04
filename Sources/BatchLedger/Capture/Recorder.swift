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
    private let encoder: ChangeEncoder
    private let lane: ChangeLane
    private(set) var chunk = ChangeChunk()
    /// Counts the chunks that went into the log.
    private(set) var chunkNumber = 0
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
    /// What to look at in the changes for the policy of the batch; nil for nothing.
    var rules: PolicyRules?
    /// Tables that the checkpoint itself has made, by the names that they have now: a policy asks for none of their rows.
    var madeTables: Set<String> = []
    /// Layouts under which tables are recorded whose columns are renamed for a moment.
    var recordedLayouts: [String: TableLayout] = [:]
    /// During undo: the hash that the next changed row must have, and what was found.
    var expected: UInt64?
    var expectationMet = true
    var hookCalls = 0
    private(set) var isTriggered = false
    /// The TEMP triggers that are there.
    var triggers: Triggers?
    /// The setting was changed, and has to be set back.
    var madeTriggersRecursive = false
    /// For a host, whose statements nobody announces; nil otherwise.
    var watch: StatementWatch?
    private var settable = SettableColumns.all
    /// Counts the statements for which `settable` was said.
    private var statementNumber = 0

    init(_ connection: Connection, spillFolder: String) {
        self.connection = connection
        database = connection.handle
        isUTF16 = connection.isUTF16
        encoder = ChangeEncoder(spillFolder: spillFolder)
        lane = ChangeLane(encoder)
        builder = TableTrackBuilder(schema: SchemaReader(connection))
        rows.initialize(to: RowImages())
    }

    deinit {
        rows.deinitialize(count: 1)
        rows.deallocate()
    }

    /// Holds all changes after `flush`.
    var log: UndoLogWriter { encoder.log }

    // MARK: Switching on and off

    /// Statements prepared before this are not recorded whole: SQLite decides at prepare whether a DELETE of all rows
    /// may skip the rows. So statements of the connection that were cached are dropped.
    /// - Parameter isTriggered: there is no hook; TEMP triggers tell of changes.
    func attach(isHosted: Bool, isTriggered: Bool) {
        self.isTriggered = isTriggered
        connection.dropCachedStatements()
        if isHosted {
            connection.expireStatements()
        } else if connection.isAutocommit {
            // Modules of virtual tables keep statements too; they are connected anew when the schema is read again.
            try? connection.execute("PRAGMA writable_schema = RESET")
        }
        if isTriggered { return }
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
        if !isTriggered { sqlite3_preupdate_hook(connection.handle, nil, nil) }
        rowReaders.removeAll()
    }

    /// A statement failed half-way: what the log holds of it never happened, so the checkpoint must not be committed.
    func fail(_ error: BatchError) {
        if failure == nil { failure = error }
    }

    /// Forgets everything of the checkpoint: it was committed, or rolled back.
    func reset() {
        lane.discard()
        chunk.bytes.removeAll()
        chunkNumber &+= 1
        log.discard()
        tracks = []
        trackByName = [:]
        lastTrack = nil
        rowReaders = [:]
        pending = nil
        failure = nil
        recordedLayouts = [:]
        madeTables = []
        counts = RowCounts()
        triggers?.candidates = []
        watch?.begin()
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
            noteStatement()
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

    /// A host may run another statement than for the row before.
    @inline(__always)
    func noteStatement() {
        guard let watch, watch.isAnother() else { return }
        expect(.all)
        watch.noteReads()
    }

    private func recordInsert(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        counts.inserted += 1
        if try !readInserted(track, rowid) { return try postpone(.insert, track, rowid, rowid) }
        keepInsert(track, rowid)
    }

    func keepInsert(_ track: TableTrack, _ rowid: Int64) {
        chunk.begin(ChangeChunk.Kind.insert, track, rowid, rowid)
        chunk.append(rows.pointee.new.buffer)
        handOver()
    }

    private func recordDelete(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        counts.deleted += 1
        try readOld(track, rowid)
        checkOld()
        keepDelete(track, rowid)
    }

    func keepDelete(_ track: TableTrack, _ rowid: Int64) {
        chunk.begin(ChangeChunk.Kind.delete, track, rowid, rowid)
        chunk.append(rows.pointee.old.buffer)
        handOver()
    }

    func keep(removed image: ByteBuffer, _ rowid: Int64, _ track: TableTrack) {
        chunk.begin(ChangeChunk.Kind.delete, track, rowid, rowid)
        chunk.append(image)
        handOver()
    }

    func keep(_ change: SchemaChange, rewritten: [(track: TableTrack, rows: TableDigest)]) {
        chunk.append(change, rewritten: rewritten)
        handOver()
    }

    private func recordUpdate(_ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64) throws(BatchError) {
        counts.updated += 1
        if let columns = watch?.settable() { expect(columns) }
        track.settable.prepare(settable, statement: statementNumber, track)
        try readOld(track, oldRowid)
        checkOld()
        if try !readUpdated(track, newRowid) { return try postpone(.update, track, oldRowid, newRowid) }
        let keys = track.settable.touchesKeys ? ChangeChunk.Kind.keys : 0
        chunk.begin(ChangeChunk.Kind.update | keys, track, oldRowid, newRowid)
        chunk.append(rows.pointee.old.buffer)
        chunk.append(track.settable)
        chunk.append(rows.pointee.new.buffer)
        handOver()
    }

    /// Both images are whole.
    func keepUpdate(_ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64) {
        chunk.begin(
            ChangeChunk.Kind.update | ChangeChunk.Kind.whole | ChangeChunk.Kind.keys, track, oldRowid, newRowid)
        chunk.append(rows.pointee.old.buffer)
        chunk.append(rows.pointee.new.buffer)
        handOver()
    }

    private func handOver() {
        guard chunk.isFull else { return }
        chunk.tracks = tracks
        chunk = lane.exchange(chunk)
        chunkNumber &+= 1
    }

    /// Everything that was recorded is in the log, the facts and the digests after this.
    func flush() throws(BatchError) {
        try settlePending()
        try lane.finish()
        chunk.tracks = tracks
        chunkNumber &+= 1
        defer { chunk.bytes.removeAll() }
        try encoder.write(chunk)
    }

    /// During undo: notes when the row that changes is not the one that was expected.
    @inline(__always)
    func checkOld() {
        if let expected, expected != rows.pointee.old.buffer.digest().low { expectationMet = false }
    }
}

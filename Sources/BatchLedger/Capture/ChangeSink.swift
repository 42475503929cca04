internal import BatchCore
internal import Glibc

/// Where changed rows are seen: SQLite's hook, or TEMP triggers where that cannot be had. Either hands them to a `ChangeSink`.
protocol ChangeTap: AnyObject {
    func attach()
    func detach()
    /// A checkpoint begins, with the schema of this version.
    func begin(schemaVersion: Int64) throws(BatchError)
    /// Everything that was seen is in the sink after this.
    func settle() throws(BatchError)
    /// What was seen and is not in the sink yet never happened: SQLite took it back, or the checkpoint is over.
    func forgetRows()
    /// The schema changed inside a checkpoint.
    func follow(_ change: SchemaChange) throws(BatchError)
    /// - Throws: when somebody stood in the way, so that changes may have been missed or seen in another order.
    func requireUndisturbed() throws(BatchError)
    /// - Throws: when a table does not hold what it should after everything that was recorded.
    func requireWhole(_ ledger: Ledger) throws(BatchError)
    /// The transaction is gone, with whatever the tap had put into it.
    func noteTransactionEnd()
    /// True for a TEMP object that the tap has made, by its name and its text.
    func hasMade(_ name: String, _ text: String) -> Bool
    /// Takes away what the tap has put into the database.
    func remove() throws(BatchError)
    /// Sets back what it changed of the connection; it runs no statement, so this works while a transaction ends.
    func restoreSettings()
}

/// Takes the row changes of one connection in the order of execution, and works them into an undo log, the facts for
/// dependencies and the digests.
///
/// The undo log needs the order: going back through it passes only states the database was in, so swapped unique values
/// undo cleanly. The session extension keeps no order, skips tables without a primary key and costs more.
final class ChangeSink {
    unowned let connection: Connection
    let isUTF16: Bool
    /// The images of the row that changes. Behind a pointer: Swift checks every access to a variable of a class, and
    /// these are written for every value.
    let rows = UnsafeMutablePointer<RowImages>.allocate(capacity: 1)
    let storedRows: StoredRows
    let keptValues: KeptValues
    let captured: CheckpointTables
    private(set) var counts = RowCounts()
    /// The first failure inside a hook or trigger, which cannot throw; the checkpoint must not be committed.
    private(set) var failure: BatchError?

    /// Asked to settle when something else than a row is to be recorded.
    weak var tap: (any ChangeTap)?
    /// The host runs its own statements, which have no business in the ledger.
    var isHostWriting = false
    /// A function of ours writes something into the ledger that is no part of the batch.
    var isAside = false
    /// The host has committed, and the batch goes on with the next row that changes: then this is called first.
    var isBetween = false
    var resumption: (() throws(BatchError) -> Void)?

    private let encoder: ChangeEncoder
    private let queue: ChangeQueue
    private var chunk = ChangeChunk()
    /// Counts the chunks that went into the log.
    private var chunkNumber = 0

    /// Counts the changes that were seen.
    private(set) var changeNumber = 0
    /// During undo: the hash that the next changed row must have, and whether it had it.
    private var expectedRow: UInt64?
    private(set) var isExpectationMet = true
    /// For a host, whose statements nobody announces; nil otherwise.
    private var statements: HostStatements?
    private var settable = SettableColumns.all
    /// Counts the statements for which `settable` was said.
    private var statementNumber = 0

    init(_ connection: Connection, spillFolder: String) {
        self.connection = connection
        isUTF16 = connection.isUTF16
        keptValues = KeptValues(folder: spillFolder)
        storedRows = StoredRows(connection, isUTF16: isUTF16, keeping: keptValues)
        encoder = ChangeEncoder(spillFolder: spillFolder)
        queue = ChangeQueue(encoder)
        captured = CheckpointTables(of: connection, storedRows)
        rows.initialize(to: RowImages())
    }

    deinit {
        rows.deinitialize(count: 1)
        rows.deallocate()
    }

    /// Those whose rows the checkpoint has recorded, by their numbers.
    var tables: [CapturedTable] { captured.all }

    /// Holds all changes after `flush`.
    var log: UndoLogWriter { encoder.log }

    // MARK: Checkpoints

    /// Begins a checkpoint.
    func begin(_ rules: PolicyRules?, watches: [KeyWatch] = []) {
        reset()
        captured.begin(rules, watches)
    }

    /// Forgets everything of the checkpoint: it was committed, or rolled back.
    func reset() {
        queue.discard()
        rows.pointee.release()
        chunk.bytes.release()
        chunk.kept = nil
        keptValues.discard()
        chunkNumber &+= 1
        log.discard()
        captured.reset()
        failure = nil
        counts = RowCounts()
        tap?.forgetRows()
        statements?.begin()
    }

    /// A statement failed half-way: what the log holds of it never happened, so the checkpoint must not be committed.
    func fail(_ error: BatchError) {
        if failure == nil { failure = error }
    }

    /// Everything that was recorded is in the log, the facts and the digests after this.
    func flush() throws(BatchError) {
        try tap?.settle()
        try queue.finish()
        chunk.tables = tables
        chunk.kept = keptValues.file
        chunkNumber &+= 1
        defer {
            chunk.bytes.release()
            chunk.kept = nil
            keptValues.discard()
        }
        try encoder.write(chunk)
        rows.pointee.release()
    }

    // MARK: Statements

    /// Looks at the statements of a host from here on: at what they read, and at the columns that they may set.
    func followStatements() {
        statements = connection.hostStatements
        captured.statements = statements
    }

    /// The schema with which a checkpoint of a host begins.
    func follow(_ objects: [SchemaObject], version: Int64) { statements?.follow(objects, version: version) }

    /// The host went back after a change of the schema.
    func forgetSchema() {
        statements?.forgetSchema()
        captured.forgetLayouts()
    }

    var isFollowingStatements: Bool { statements != nil }

    /// What the statements of the host have read.
    var reads: [ReadColumns] { statements?.reads ?? [] }

    /// The tables that the running statement of the host writes; none where that is not known.
    var statementWrites: Set<String> { statements?.writes ?? [] }

    /// Says which columns the statements that run next may set.
    func expect(_ columns: SettableColumns) {
        settable = columns
        statementNumber &+= 1
    }

    /// During undo: the row that changes next is the one of this hash; nil for any row.
    func expect(row hash: UInt64?) {
        expectedRow = hash
        isExpectationMet = true
    }

    /// Call it for each change, before its row is read.
    @inline(__always)
    func noteChange(of table: CapturedTable) {
        changeNumber &+= 1
        table.isTouched = true
        // A host may run another statement than for the row before.
        guard let statements, statements.isAnother() else { return }
        expect(.all)
        statements.noteReads()
    }

    /// Works out which columns of a row that is updated may differ.
    @inline(__always)
    func prepareSettable(_ table: CapturedTable) {
        if let columns = statements?.settable() { expect(columns) }
        table.settable.prepare(settable, statement: statementNumber, table)
    }

    /// Call it when the old image of a row is there.
    @inline(__always)
    func checkOld() {
        if let expectedRow, expectedRow != oldDigest().low { isExpectationMet = false }
    }

    private func oldDigest() -> Digest {
        guard let file = keptValues.file else { return rows.pointee.old.buffer.digest() }
        do throws(BatchError) {
            return try file.digest(of: rows.pointee.old.buffer.bytes)
        } catch {
            fail(error)
            return .zero
        }
    }

    /// A table changed that is not recorded: it is SQLite's own, the ledger's, or away while the schema changes.
    func noteUnrecorded(_ name: UnsafePointer<CChar>) throws(BatchError) {
        guard isHostWriting, strncmp(name, "batchmgr_", 9) == 0 else { return }
        throw BatchError(
            .forbiddenStatement, "a batch may not write to \(String(cString: name)): the ledger belongs to batchmgr",
            hint: "abort the batch: SELECT batch_abort()")
    }

    /// Call it when a row changes while `isBetween`.
    func resume() throws(BatchError) {
        isBetween = false
        try resumption?()
    }

    // MARK: Rows

    func countInsert() { counts.inserted += 1 }
    func countUpdate() { counts.updated += 1 }
    func countDelete() { counts.deleted += 1 }

    func keepInsert(_ table: CapturedTable, _ rowid: Int64) {
        chunk.begin(ChangeChunk.Kind.insert, table, rowid, rowid)
        chunk.append(rows.pointee.new.buffer)
        handOver()
    }

    func keepDelete(_ table: CapturedTable, _ rowid: Int64) {
        keepDelete(table, rowid, rows.pointee.old.buffer)
    }

    func keepDelete(_ table: CapturedTable, _ rowid: Int64, _ image: ByteBuffer) {
        chunk.begin(ChangeChunk.Kind.delete, table, rowid, rowid)
        chunk.append(image)
        handOver()
    }

    /// - Parameter isWhole: the new image holds all columns, and not only those that the statement may set.
    func keepUpdate(_ table: CapturedTable, _ oldRowid: Int64, _ newRowid: Int64, isWhole: Bool) {
        let keys = isWhole || table.settable.touchesKeys ? ChangeChunk.Kind.keys : 0
        chunk.begin(
            ChangeChunk.Kind.update | keys | (isWhole ? ChangeChunk.Kind.whole : 0), table, oldRowid, newRowid)
        chunk.append(rows.pointee.old.buffer)
        if !isWhole { chunk.append(table.settable) }
        chunk.append(rows.pointee.new.buffer)
        handOver()
    }

    /// Bytes of long values that wait for their chunk.
    private static let mostKept = 32 << 20

    private func handOver() {
        guard chunk.isFull || keptValues.fresh >= ChangeSink.mostKept else { return }
        rows.pointee.release()
        chunk.tables = tables
        chunk.kept = keptValues.file
        keptValues.fresh = 0
        chunk = queue.exchange(chunk)
        chunkNumber &+= 1
    }

    // MARK: Going back

    /// A place in the record, for changes that SQLite itself may take back.
    struct Mark {
        fileprivate let chunk: Int
        fileprivate let length: Int
        fileprivate let counts: RowCounts
        fileprivate let failure: BatchError?
    }

    func mark() -> Mark {
        do throws(BatchError) {
            // The row is as its statement left it: what comes after the mark may change it, and go back.
            try tap?.settle()
        } catch { fail(error) }
        return Mark(chunk: chunkNumber, length: chunk.bytes.count, counts: counts, failure: failure)
    }

    /// Forgets what was recorded since the mark.
    func goBack(to mark: Mark) {
        tap?.forgetRows()
        counts = mark.counts
        failure = mark.failure
        statements?.forgetStatement()
        if mark.chunk == chunkNumber { return chunk.bytes.setCount(mark.length) }
        fail(
            BatchError(
                .notUndoable, "more was changed and rolled back inside the batch than its record can take back",
                hint: "abort the batch with SELECT batch_abort(), and begin it again"))
    }
}

// MARK: - Changes that no tap sees: of whole tables, of the schema and of SQLite's own tables

extension ChangeSink {

    /// Records all rows of a table as deleted: it will be dropped or altered.
    ///
    /// They are part of the definition that goes: nobody counts them, and no policy asks for each of them.
    func recordRemoval(of layout: TableLayout, rows: RowReader) throws(BatchError) {
        try tap?.settle()
        let table = captured.addRemoved(layout)
        table.isTouched = true
        var image = ByteBuffer()
        while let (key, values) = try rows.next() {
            guard let key else { throw StoredRows.hiddenRows(of: layout) }
            image.removeAll()
            RowCodec.encode(values, into: &image)
            var rowid: Int64 = 0
            if case .rowid(let known) = key { rowid = known }
            keepDelete(table, rowid, image)
        }
    }

    /// - Parameter rewritten: tables that the statement made or altered, with the rows that it left in them.
    func record(
        _ change: SchemaChange, rewritten: [(layout: TableLayout, rows: TableDigest)]
    ) throws(BatchError) {
        try tap?.settle()
        let tables = try rewritten.map { (layout, rows) throws(BatchError) in
            let table = try captured.make(layout)
            table.isTouched = true
            return (table: table, rows: rows)
        }
        chunk.append(change, rewritten: tables)
        handOver()
    }

    /// Records changes of a system table, found by comparing it.
    func record(_ changes: [RowChange], of layout: TableLayout, in systemLog: UndoLogWriter) throws(BatchError) {
        let table = try captured.make(layout)
        table.isTouched = true
        try systemLog.write(changes, of: table)
    }
}

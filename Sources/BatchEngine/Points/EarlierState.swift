internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The database as it was after a checkpoint: a copy in which everything since is undone.
///
/// A host that writes no files leaves several points pending; the first of them are made from what is there no more.
final class EarlierState {
    let connection: Connection
    /// Knows nothing of what came later.
    let ledger: Ledger
    let state: DatabaseState
    private let folder: ScratchFolder
    private let original: Session
    private let checkpoint: Int64

    /// - Throws: `ERR_DATA_CONFLICT` when somebody has changed rows outside any batch since: nothing tells then what
    ///   they were.
    init(_ session: Session, after checkpoint: Int64) throws(BatchError) {
        try Folder.create(session.backups)
        folder = try ScratchFolder(in: session.backups)
        original = session
        self.checkpoint = checkpoint
        let path = folder.file("earlier.db")
        // The session may hold the write lock, and could not be copied from then.
        let source = try Connection(path: session.path, mode: .readOnly)
        try source.backup(to: try Connection(path: path, mode: .create))
        connection = try Connection(path: path)
        connection.tolerateUnknownCollations()
        try connection.execute("PRAGMA synchronous = OFF")
        try EarlierState.goBack(connection, to: checkpoint, spillFolder: folder.path)
        state = try DatabaseState.read(connection, digest: try StateDigest.compute(connection))
        ledger = try Ledger(connection)
        try ledger.forget(after: checkpoint, leaving: state.digest)
    }

    /// A session over the copy, whose ledger ends at the checkpoint and which writes into the copies of the original.
    func session() throws(BatchError) -> Session {
        let ledger = try Ledger(connection)
        let digest = state.digest
        let (connection, checkpoint) = (connection, checkpoint)
        try connection.transaction { () throws(BatchError) in
            try connection.run("DELETE FROM main.batchmgr_checkpoints WHERE id > ?", [.integer(checkpoint)])
            try ledger.setState(digest)
        }
        var database = original.database
        database.path = connection.path
        let place = Workspace(
            folder: original.workspace.folder, file: original.workspace.file, databases: [database],
            backups: original.workspace.backups, catalog: original.workspace.catalog)
        return try Session(
            place, tenant: original.tenant, context: original.context, standingFor: original.home)
    }

    private static func goBack(
        _ connection: Connection, to checkpoint: Int64, spillFolder: String
    ) throws(BatchError) {
        let gateway = try Gateway(connection, spillFolder: spillFolder)
        let later = try gateway.ledger.checkpoints(where: "id > ?", [.integer(checkpoint)])
        let names = try gateway.ledger.names(of: Set(later.map(\.batch)))
        let undo = Undo(gateway)
        try undo.open()
        defer { undo.close() }
        _ = try undo.perform(
            later.reversed().map { ($0, names[$0.batch]?.description ?? "") }, collecting: false)
        try gateway.forgetChanges()
        try gateway.release()
    }
}

/// Points after which other batches have run already.
extension PointKeeper {
    /// Completes a point of the whole database after which batches have run already.
    func completeEarlier(_ point: inout PointRecord) throws(BatchError) -> Bool {
        var done = point
        do throws(BatchError) {
            let earlier = try EarlierState(session, after: point.lastCheckpoint)
            let digest = earlier.state.digest
            let message = text.message(
                point, nil, changes: PointSource.counts(of: digest), snapshot: nil, digest: digest.combined,
                heads: signedHeads())
            let content = PointContent(
                branch: session.branch, tag: nil, message: message, state: earlier.state, rows: .all,
                tenantColumn: session.database.tenantColumn)
            done.commit = try git.commit(content, connection: earlier.connection, snapshot: BackgroundTask())
                .description
            done.status = .complete
            done.digest = digest.combined
            try session.connection.transaction { () throws(BatchError) in try ledger.save(&done) }
        } catch {
            guard error.code == .conflict || error.code == .schemaChanged else { throw error }
            try session.connection.transaction { () throws(BatchError) in try ledger.removePoint(point.id) }
            point = PointRecord(batch: 0, kind: point.kind, lastCheckpoint: 0, createdAt: point.createdAt)
            return false
        }
        point = done
        return true
    }

    /// True when batches that ran since, as in a replay, have taken away what the point is made from: the schema, or all
    /// rows of a table that is written whole, as those of ANALYZE are.
    func isOvertaken(_ point: PointRecord, _ batch: BatchRecord) throws(BatchError) -> Bool {
        let last: SQLValue = .integer(point.lastCheckpoint)
        let later = try ledger.batches(
            where: "seq IN (SELECT batch FROM main.batchmgr_checkpoints WHERE id > ?)", [last])
        if later.isEmpty { return false }
        if batch.hasSchemaChange || later.contains(where: \.hasSchemaChange) { return true }
        if try ledger.mayBeRenumbered(since: ledger.checkpoints(of: batch.seq).map(\.id)) { return true }
        let unnamed = try SchemaReader(session.connection).tables().filter { $0.key == .rowid(alias: nil) }.map(\.name)
        let statistics = try touchedTables(
            "checkpoint IN (SELECT id FROM main.batchmgr_checkpoints WHERE batch = ?)", batch.seq
        )
        .filter { $0.hasPrefix("sqlite_stat") }
        if unnamed.isEmpty && statistics.isEmpty { return false }
        return try !touchedTables("checkpoint > ?", point.lastCheckpoint).isDisjoint(with: unnamed + statistics)
    }

    private func touchedTables(_ condition: String, _ value: Int64) throws(BatchError) -> Set<String> {
        let names = try ledger.connection.rows(
            "SELECT DISTINCT table_name FROM main.batchmgr_changes WHERE \(condition)", [.integer(value)])
        return Set(names.compactMap { $0[0].string })
    }

    /// Completes the point of a batch on a copy that is as the batch left it.
    func completeElsewhere(_ point: inout PointRecord, _ batch: BatchRecord) throws(BatchError) -> Bool {
        var done = point
        do throws(BatchError) {
            let earlier = try EarlierState(session, after: point.lastCheckpoint)
            // Rows that others wrote since are still in the copy: no batch undoes them.
            guard batch.digestAfter == nil || earlier.state.digest.combined == batch.digestAfter else {
                return try lose(&point, batch)
            }
            let elsewhere = try earlier.session()
            // What is lost there was changed outside any batch here.
            guard try PointKeeper(session: elsewhere).complete(&done, since: nil) else {
                return try lose(&point, batch)
            }
            try session.connection.transaction { () throws(BatchError) in try ledger.save(&done) }
        } catch {
            guard error.code == .conflict || error.code == .schemaChanged else { throw error }
            return try lose(&point, batch)
        }
        point = done
        return true
    }

    func lose(_ point: inout PointRecord, _ batch: BatchRecord) throws(BatchError) -> Bool {
        let id = point.id
        try session.connection.transaction { () throws(BatchError) in
            try ledger.removePoint(id)
            try ledger.audit(
                "restore point", batch: batch, outcome: "lost",
                details: ["because": "changed outside any batch before the point was written"],
                context: session.context)
        }
        point = PointRecord(batch: 0, kind: point.kind, lastCheckpoint: 0, createdAt: point.createdAt)
        return false
    }
}

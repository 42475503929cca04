internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The database as it was behind a checkpoint: a copy in which everything since is undone.
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

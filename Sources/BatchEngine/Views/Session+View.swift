public import BatchCatalog
public import BatchCore
internal import BatchLedger
internal import BatchSystem

extension Session {
    /// Opens a database to look at it: without writing, and also when the file or its folder is read-only. What a crash
    /// left is completed first, where that is possible.
    ///
    /// - Throws: as `Session.init`.
    public static func view(
        _ workspace: Workspace, tenant: String? = nil, context: Context
    ) throws(BatchError) -> Session {
        let session: Session
        do {
            session = try Session(workspace, tenant: tenant, context: context, mode: .readOnly)
        } catch  where error.code == .readOnly || error.code == .file {
            session = try other(workspace, tenant, context, because: error)
        }
        if session.mayHaveLeftovers {
            completeLeftovers(workspace, tenant, context)
            try session.findHome()
        }
        session.connection.tolerateUnknownCollations()
        return session
    }

    /// A journal that a crash left has to be rolled back first, and only a writer can do that. A database in WAL mode on
    /// read-only storage needs no log when there is none.
    private static func other(
        _ workspace: Workspace, _ tenant: String?, _ context: Context, because error: BatchError
    ) throws(BatchError) -> Session {
        if let session = try? Session(workspace, tenant: tenant, context: context) { return session }
        guard let session = try? Session(workspace, tenant: tenant, context: context, mode: .immutable),
            !Folder.mayWrite(FilePath.parent(session.path)), !FolderText.exists(session.path + "-wal")
        else { throw error }
        return session
    }

    /// Reads one state of the database, whatever other processes write meanwhile: that of the transaction that is open, if
    /// one is.
    func reading<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        guard connection.isAutocommit else { return try body() }
        try connection.execute("BEGIN")
        defer { connection.rollbackIfOpen() }
        return try body()
    }
}

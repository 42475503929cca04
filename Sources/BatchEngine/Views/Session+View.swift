public import BatchCore
internal import BatchLedger

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
            // A journal that a crash left has to be rolled back first, and only a writer can do that.
            guard let writing = try? Session(workspace, tenant: tenant, context: context) else { throw error }
            session = writing
        }
        if session.mayHaveLeftovers { try? Session(workspace, tenant: tenant, context: context).completeLeftovers() }
        session.connection.tolerateUnknownCollations()
        return session
    }

    /// Reads one state of the database, whatever other processes write meanwhile.
    func reading<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        try connection.execute("BEGIN")
        defer { connection.rollbackIfOpen() }
        return try body()
    }
}

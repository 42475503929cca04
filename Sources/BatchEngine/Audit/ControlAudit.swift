internal import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The audit chain of `control.db`.
struct ControlAudit {
    let connection: Connection
    let chain: AuditChain

    /// Opens it to be read; nil when there is none.
    init?(reading folder: String) throws(BatchError) {
        guard Folder.exists(ControlAudit.path(folder)) else { return nil }
        connection = try ControlAudit.reader(ControlAudit.path(folder))
        chain = AuditChain(.control, on: connection)
        guard try chain.table.exists() else { return nil }
    }

    /// A file in WAL mode on read-only storage can be read when nobody can change it.
    private static func reader(_ path: String) throws(BatchError) -> Connection {
        let connection = try Connection(path: path, mode: .readOnly)
        do throws(BatchError) {
            _ = try connection.value("SELECT count(*) FROM main.sqlite_schema")
            return connection
        } catch {
            guard error.code == .readOnly || error.code == .file else { throw error }
            return try Connection(path: path, mode: .immutable)
        }
    }

    private static func path(_ folder: String) -> String { folder + "/control.db" }

    func name() throws(BatchError) -> String? {
        try ControlFile.auditName(connection)
    }

    func head() throws(BatchError) -> AuditHead? {
        let chain = chain
        guard let name = try name() else { return nil }
        return try connection.transaction { () throws(BatchError) in try chain.head(chain: name) }
    }
}

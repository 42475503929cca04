internal import BatchCatalog
internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// A copy of a database to try things on; it is gone when it is released.
final class ScratchCopy {
    private let folder: ScratchFolder
    /// The copy, opened for writing. It has the ledger of the database up to now.
    let session: Session

    init(of original: Session) throws(BatchError) {
        try Folder.create(original.backups)
        folder = try ScratchFolder(in: original.backups)
        let path = folder.file("copy.db")
        try original.connection.backup(to: try Connection(path: path, mode: .create))
        var database = original.database
        database.path = path
        // The path names one file now, whoever it belongs to.
        if database.tenancy == .file { database.tenancy = .none }
        let place = Workspace(
            folder: original.workspace.folder, file: original.workspace.file, databases: [database],
            backups: folder.path, catalog: original.workspace.catalog, plugins: original.workspace.plugins)
        var context = original.context
        let reach = context.reach
        context.reach = { reach("copy-\($0)") }
        // What happens here has not happened.
        context.log = .none
        let home = Home(folder: folder.path, branch: original.branch, tags: original.home.tags)
        session = try Session(place, tenant: original.tenant, context: context, standingFor: home)
        try session.connection.execute("PRAGMA synchronous = OFF")
    }
}

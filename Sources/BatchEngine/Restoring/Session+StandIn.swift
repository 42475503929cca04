internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

extension Session {
    /// A session over an empty database that stands in for one that is lost: it finds the copies of the lost one.
    static func standIn(_ workspace: Workspace, tenant: String?, context: Context) throws(BatchError) -> Session {
        let scratch = try ScratchFolder(in: workspace.backups)
        var database = try workspace.database()
        // The branch of the history follows from the name of the file.
        let name = database.path.split(separator: "/").last.map(String.init) ?? database.name
        database.path = scratch.file(name)
        let place = Workspace(
            folder: workspace.folder, file: workspace.file, databases: [database], backups: workspace.backups,
            catalog: workspace.catalog)
        let path = database.path.replacing("{tenant}", with: tenant ?? "")
        try Connection(path: path, mode: .create).execute("PRAGMA user_version = 1")
        return try Session(place, tenant: tenant, context: context, mode: .readOnly)
    }
}

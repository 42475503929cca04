public import BatchCatalog
public import BatchCore
internal import BatchLedger

extension Workspace {
    /// The database of this path. When a workspace has it, its rules and its home are those of the workspace, as if it
    /// had been named there; otherwise it stands alone, with the home that it names itself.
    /// - Throws: as `load`, for a `batchmgr.yaml` above the file or of the workspace that the ledger names.
    public static func naming(database path: String) throws(BatchError) -> Workspace {
        guard let real = FolderText.resolved(FolderText.join(FolderText.current, path)) else {
            let alone = adHoc(database: path)
            return try governing(alone.databases[0].path, nil) ?? alone
        }
        let ledger = HomeEntry.ledger(real)
        let entry = ledger.flatMap { try? HomeEntry($0) }
        if let governed = try governing(real, entry?.workspace) { return governed }
        let alone = adHoc(database: real)
        guard let entry, let ledger, entry.home != nil,
            let found = try? HomeSearch(
                ledger: ledger, path: real,
                standard: Home.standard(alone, alone.databases[0], tenant: nil, path: real)
            ).look()
        else { return alone }
        return Workspace(
            folder: alone.folder, file: nil, databases: alone.databases, backups: found.home.folder, catalog: nil)
    }

    /// The workspace that has this file: above it, as the ledger remembers, or around the current folder.
    private static func governing(_ file: String, _ remembered: String?) throws(BatchError) -> Workspace? {
        var folders: [String] = []
        for start in [FolderText.parent(file), FolderText.current] {
            if let folder = nearest(above: start) { folders.append(folder) }
        }
        if let remembered, FolderText.exists(FolderText.join(remembered, fileName)) { folders.append(remembered) }
        for folder in folders {
            if let chosen = try load(folder).choosing(file) { return chosen }
        }
        return nil
    }

    private static func nearest(above start: String) -> String? {
        var folder = start
        while !FolderText.exists(FolderText.join(folder, fileName)) {
            if folder == "/" || folder.isEmpty { return nil }
            folder = FolderText.parent(folder)
        }
        return folder
    }

    /// The same workspace with this database alone; nil when it has none at this path.
    private func choosing(_ file: String) -> Workspace? {
        for database in databases {
            let parts = database.path.split(separator: "{tenant}", maxSplits: 1, omittingEmptySubsequences: false)
            var tenant: String?
            if parts.count == 2 {
                guard file.hasPrefix(parts[0]), file.hasSuffix(parts[1]),
                    file.utf8.count > parts[0].utf8.count + parts[1].utf8.count
                else { continue }
                let name = String(file.dropFirst(parts[0].count).dropLast(parts[1].count))
                guard database.path.replacing("{tenant}", with: name) == file else { continue }
                tenant = name
            } else if (FolderText.resolved(database.path) ?? database.path) != file {
                continue
            }
            var chosen = choosing(database)
            chosen.tenant = tenant
            return chosen
        }
        return nil
    }
}

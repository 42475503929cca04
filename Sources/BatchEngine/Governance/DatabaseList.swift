internal import BatchCatalog
internal import BatchCore

/// The databases of a workspace that are there: with tenancy by file, one for each tenant.
struct DatabaseList {
    private let workspace: Workspace

    init(_ workspace: Workspace) { self.workspace = workspace }

    func all() throws(BatchError) -> [(database: DatabaseDefinition, tenant: String?)] {
        var list: [(DatabaseDefinition, String?)] = []
        for database in workspace.databases {
            if database.tenancy == .file {
                for tenant in try tenants(of: database) { list.append((database, tenant)) }
            } else if FolderText.exists(database.path) {
                list.append((database, nil))
            }
        }
        return list
    }

    /// What `{tenant}` stands for in the names of files that are there.
    private func tenants(of database: DatabaseDefinition) throws(BatchError) -> [String] {
        let parts = database.path.split(separator: "{tenant}", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let slash = parts[0].lastIndex(of: "/") else { return [] }
        let before = parts[0][parts[0].index(after: slash)...]
        let after = parts[1].prefix { $0 != "/" }
        return try FolderText.names(in: String(parts[0][..<slash])).compactMap { name in
            guard name.hasPrefix(before), name.hasSuffix(after), name.utf8.count > before.utf8.count + after.utf8.count
            else { return nil }
            let tenant = String(name.dropFirst(before.count).dropLast(after.count))
            let path = database.path.replacing("{tenant}", with: tenant)
            return JobID.isValid(tenant) && FolderText.exists(path) ? tenant : nil
        }
    }
}

internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Makes a workspace: `batchmgr.yaml`, the catalog, and the folder for what is written beside the database.
public struct WorkspaceSetup {
    private let folder: String
    private let request: Request
    private let context: Context

    public init(folder: String, request: Request, context: Context) {
        self.folder = folder
        self.request = request
        self.context = context
    }

    /// Looks at the database first: nothing is written when it is not one.
    /// - Throws: `ERR_UX_FILE_EXISTS` when there is a workspace; `ERR_UX_FILE_MISSING`, `ERR_DATA_NOT_A_DATABASE`.
    public func perform() throws(BatchError) -> SetupReport {
        let root = FolderText.resolved(folder) ?? folder
        let notes = request.tenancy == .file ? [] : try look(at: FolderText.join(root, request.database))
        try Folder.create(root)
        let workspace = try Workspace.initialise(
            root, database: request.database, tenancy: request.tenancy, tenantColumn: request.tenantColumn)
        var created = [FolderText.join(root, Workspace.fileName)]
        for folder in [workspace.catalog, workspace.backups].compactMap(\.self) where !Folder.exists(folder) {
            try Folder.create(folder)
            created.append(folder + "/")
        }
        // Copies of the data have no place in the repository of the application.
        let ignore = workspace.backups + "/.gitignore"
        if !Folder.exists(ignore) {
            try FolderText.create(ignore, "*\n")
            created.append(ignore)
        }
        return SetupReport(
            file: FolderText.shown(created[0]), database: request.database, created: created.map(FolderText.shown),
            notes: notes)
    }

    // MARK: Database

    private func look(at path: String) throws(BatchError) -> [String] {
        let session = try Session.view(try .naming(database: path), context: context)
        let layouts = try SchemaReader(session.connection).tables()
        let tables = layouts.filter { $0.role == .ordinary }
        var notes = [Counted.text(tables.count, "table") + " found"]
        if let column = request.tenantColumn?.lowercased() {
            let owned = tables.filter { $0.columns.contains { $0.name.lowercased() == column } }
            guard !owned.isEmpty || tables.isEmpty else {
                let names = Set(tables.flatMap { $0.columns.map(\.name) })
                throw BatchError(
                    .usage, "no table has a column '\(column)'\(Suggestion.clause(for: column, in: names))",
                    hint: "name the column that holds the owner: --tenant-column NAME")
            }
            notes.append("\(owned.count) of \(tables.count) tables have the column \(column), the others are shared")
        }
        if try session.ledger.exists() {
            notes.append(
                "it has a ledger with \(Counted.text(try session.ledger.batches().count, "batch", plural: "batches"))")
        }
        return notes + foreignKeys(layouts, session.connection)
    }

    private func foreignKeys(_ layouts: [TableLayout], _ connection: Connection) -> [String] {
        let count = layouts.reduce(0) { $0 + $1.foreignKeys.count }
        guard count > 0, let rows = try? connection.rows("PRAGMA foreign_key_check") else { return [] }
        let declared = Counted.text(count, "foreign key")
        guard !rows.isEmpty else { return ["\(declared) declared, and every reference leads to a row"] }
        let tables = Set(rows.compactMap { $0.first?.string }).sorted().joined(separator: ", ")
        let lost = Counted.text(rows.count, "row") + " without a parent"
        return ["\(declared) declared, but \(lost) in \(tables): batches work, and tell these from new ones"]
    }

    /// `init`
    public struct Request: Hashable, Sendable {
        public let database: String
        public let tenancy: Tenancy
        /// Set exactly when the tenancy is by column.
        public let tenantColumn: String?

        public init(database: String, tenancy: Tenancy = .none, tenantColumn: String? = nil) {
            self.database = database
            self.tenancy = tenancy
            self.tenantColumn = tenantColumn
        }
    }
}

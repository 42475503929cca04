internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Makes of a rebuilt database one that holds the rows of one tenant, and those that all share.
struct TenantExtract {
    let owner: RowOwner

    /// - Parameter home: the folder of the copies.
    /// - Returns: what a person should know of the new file.
    func write(_ source: String, to path: String, home: String) throws(BatchError) -> [String] {
        let connection = try Connection(path: source)
        connection.tolerateUnknownCollations()
        let settings = UndoSettings(connection)
        // Triggers and cascades must not follow the rows that go.
        try settings.open()
        defer { settings.close() }
        var notes = ["the file holds the rows of tenant \(owner.tenant), and the tables that all tenants share"]
        let schema = SchemaReader(connection)
        for table in try schema.virtualTables() {
            try connection.execute("DROP TABLE main.\(SQLName.quote(table.name))")
            notes.append("table \(table.name) was left out: a module keeps it, and its rows do not say whose they are")
        }
        for layout in try schema.tables() {
            if layout.role == .system, layout.name.hasPrefix("sqlite_stat") {
                try connection.execute("DELETE FROM main.\(layout.quotedName)")
            }
            guard let others = owner.others(in: layout, isUTF16: connection.isUTF16) else { continue }
            try connection.run("DELETE FROM main.\(layout.quotedName) WHERE \(others.condition)", [others.value])
        }
        // A fresh file: deleted rows would stay in free pages.
        connection.dropCachedStatements()
        let temporary = try TemporaryFile(for: path, notedIn: Folder.mayWrite(home) ? home : nil)
        try connection.execute("VACUUM INTO \(SQLName.literal(temporary.path))")
        try temporary.publish()
        return notes
    }
}

internal import BatchCore

/// A table whose columns take all names of the rowid; while one of them is renamed, SQL can name it.
struct HiddenRowidTable {
    let layout: TableLayout
    private var texts: [SchemaObject] = []

    /// Nil when the rowid can be named.
    init?(_ layout: TableLayout) {
        guard case .rowid(nil) = layout.key else { return nil }
        self.layout = layout
    }

    mutating func reveal(_ connection: Connection) throws(BatchError) -> TableLayout {
        texts = try SchemaReader(connection).objects()
        return try connection.revealRowid(of: layout)
    }

    /// Gives the column its name back, and the schema its exact text.
    func hide(_ connection: Connection) throws(BatchError) {
        guard let column = layout.columns.first(where: { $0.name.lowercased() == "oid" }) else { return }
        try connection.execute(
            "ALTER TABLE main.\(layout.quotedName) RENAME COLUMN \(TableLayout.stand) TO \(SQLName.quote(column.name))")
        try SchemaText(connection).write { (edit) throws(BatchError) in
            // Views, triggers and indexes may name the column too.
            for object in texts {
                if let sql = object.sql { try edit.set(sql: sql, type: object.type, name: object.name) }
            }
        }
        try SchemaText(connection).reload()
    }
}

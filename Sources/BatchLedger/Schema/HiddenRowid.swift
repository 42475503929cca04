public import BatchCore

extension Connection {
    /// Runs `body` with a layout by which SQL can name the rowid.
    ///
    /// A table whose columns are called rowid, _rowid_ and oid hides its rowid from SQL. For such a table one of these
    /// columns is renamed in a savepoint that is rolled back afterwards, so `body` must only read, and the connection
    /// must be able to write. When SQLite refuses it, `body` gets the layout as it is, and keys of its rows are not known.
    public func withVisibleRowid<Result>(
        of layout: TableLayout, _ body: (TableLayout) throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        guard case .rowid(nil) = layout.key else { return try body(layout) }
        try execute("SAVEPOINT batchmgr_rowid")
        let visible = (try? revealRowid(of: layout)) ?? layout
        do {
            let result = try body(visible)
            try execute("ROLLBACK TO batchmgr_rowid; RELEASE batchmgr_rowid")
            return result
        } catch {
            try execute("ROLLBACK TO batchmgr_rowid; RELEASE batchmgr_rowid")
            throw error
        }
    }

    /// The same in the middle of an undo, which may have renamed the column already.
    func withVisibleRowidInUndo<Result>(
        of layout: TableLayout, _ body: (TableLayout) throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        guard case .rowid(nil) = layout.key,
            let position = layout.columns.firstIndex(where: { $0.name.lowercased() == "oid" }),
            try SchemaReader(self).layout(named: layout.name)?.columns.contains(where: { $0.name == TableLayout.stand })
                == true
        else { return try withVisibleRowid(of: layout, body) }
        return try body(layout.withRowidAlias("oid", renaming: position))
    }

    /// Renames the column `oid`, so that `oid` names the rowid. The caller undoes it.
    func revealRowid(of layout: TableLayout) throws(BatchError) -> TableLayout {
        guard let position = layout.columns.firstIndex(where: { $0.name.lowercased() == "oid" }) else { return layout }
        let taken = layout.columns[position].name
        try rename(SQLName.quote(taken), to: TableLayout.stand, in: layout)
        return layout.withRowidAlias("oid", renaming: position)
    }

    /// With a schema that may be written, SQLite leaves a view or trigger that it cannot parse (of a table that is gone,
    /// say) as it is; else it would refuse.
    fileprivate func rename(_ column: String, to name: String, in layout: TableLayout) throws(BatchError) {
        try SchemaEditor(self).write { (_) throws(BatchError) in
            try execute("ALTER TABLE main.\(layout.quotedName) RENAME COLUMN \(column) TO \(name)")
        }
    }
}

extension TableLayout {
    /// The name that a column bears while the rowid borrows its own.
    static let stand = "batchmgr_oid_column"

    func withRowidAlias(_ alias: String, renaming position: Int) -> TableLayout {
        var columns = self.columns
        let old = columns[position]
        columns[position] = Column(
            name: TableLayout.stand, declaredType: old.declaredType, hasRealAffinity: old.hasRealAffinity,
            isNotNull: old.isNotNull, hasDefault: old.hasDefault, generated: old.generated,
            primaryKeyPosition: old.primaryKeyPosition)
        return TableLayout(
            name: name, columns: columns, key: .rowid(alias: alias), integerPrimaryKey: integerPrimaryKey,
            isStrict: isStrict, isAutoincrement: isAutoincrement, role: role, uniqueIndexes: uniqueIndexes,
            foreignKeys: foreignKeys, sql: sql)
    }
}

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
        try connection.rename(TableLayout.stand, to: SQLName.quote(column.name), in: layout)
        try SchemaEditor(connection).write { (edit) throws(BatchError) in
            // Views, triggers and indexes may name the column too.
            for object in texts {
                if let sql = object.sql { try edit.set(sql: sql, type: object.type, name: object.name) }
            }
        }
        try SchemaEditor(connection).reload()
    }
}

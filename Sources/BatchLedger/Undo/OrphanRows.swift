internal import BatchCore

/// Rows of one table that refer to a row which is not there, and by which key.
struct OrphanRows {
    private let connection: Connection
    private let schema: SchemaReader

    init(_ connection: Connection) {
        self.connection = connection
        schema = SchemaReader(connection)
    }

    struct Orphan: Hashable {
        let child: String
        let parent: String
        /// Its number in the child.
        let foreignKey: Int
        /// The key of the row; all of its values where SQL cannot name the rowid.
        let row: RowKey
        /// Nil where facts cannot follow the foreign key.
        let relation: Relation?
        /// The missing key as facts name it.
        let key: UInt64
    }

    /// How many rows break each foreign key, as SQLite counts them; nil when it cannot. Of keys to a table that is not
    /// there nothing is said: no row can satisfy them.
    func count(of layout: TableLayout) throws(BatchError) -> [Int: Int]? {
        var counts: [Int: Int] = [:]
        do throws(BatchError) {
            let sql = "SELECT fkid, count(*) FROM pragma_foreign_key_check(?, 'main') GROUP BY 1"
            for row in try connection.rows(sql, [.string(layout.name)]) {
                counts[Int(row[0].integer ?? 0)] = Int(row[1].integer ?? 0)
            }
        } catch {
            guard error.code == .sql else { throw error }
            return nil
        }
        for key in layout.foreignKeys where counts[key.id] != nil {
            if try schema.layout(named: key.parent) == nil { counts[key.id] = nil }
        }
        return counts
    }

    /// Calls `body` for every orphan. Foreign keys that name no table or no key are an old fault of the schema: no row
    /// can satisfy them.
    func forEach(of layout: TableLayout, _ body: (Orphan) throws(BatchError) -> Void) throws(BatchError) {
        var terms: [ComputedKeys.Term] = []
        let references = try CapturedTableBuilder(schema: schema).references(layout, &terms)
        let computed = terms.isEmpty ? nil : try? ComputedKeys(layout, terms, isUTF16: connection.isUTF16)
        for reference in references {
            guard let parent = reference.parent else { continue }
            let statement: Statement
            do throws(BatchError) {
                statement = try connection.prepare(query(layout, reference.key, parent))
            } catch { continue }
            var scratch = ByteBuffer()
            var image = RowBuffer()
            let columns = layout.storedColumns.count
            while try statement.step() {
                image.begin(columns: columns)
                statement.encodeColumns(1..<columns + 1, isUTF16: connection.isUTF16, into: &image.buffer)
                image.markAll(columns)
                computed?.begin()
                let key = reference.reference?.key(of: image, isAfter: true, computed, &scratch)
                try body(
                    Orphan(
                        child: layout.name, parent: parent.name, foreignKey: reference.key.id,
                        row: try row(layout, statement.value(0).integer, image),
                        relation: key == nil ? nil : reference.reference?.relation, key: key ?? 0))
            }
        }
    }

    private func row(_ layout: TableLayout, _ rowid: Int64?, _ image: RowBuffer) throws(BatchError) -> RowKey {
        if let rowid { return .rowid(rowid) }
        let values = try image.buffer.values(layout.storedColumns.count)
        guard case .primaryKey(let positions) = layout.key else { return .values(values) }
        let stored = layout.storedColumns
        return .values(positions.compactMap { stored.firstIndex(of: $0).map { values[$0] } })
    }

    private func query(_ layout: TableLayout, _ key: TableLayout.ForeignKey, _ parent: TableLayout) -> String {
        let present = names(key, of: layout).map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
        let list = layout.storedColumns.map { ", child.\(SQLName.quote(layout.columns[$0].name))" }.joined()
        return """
            SELECT \(layout.rowidName.map { "child.\($0)" } ?? "NULL")\(list) FROM main.\(layout.quotedName) AS child \
            WHERE \(present) AND NOT EXISTS \
            (SELECT 1 FROM main.\(parent.quotedName) AS parent WHERE \(matches(layout, key, parent)))
            """
    }

    private func names(_ key: TableLayout.ForeignKey, of child: TableLayout) -> [String] {
        key.columns.map { "child." + SQLName.quote(child.columns[$0].name) }
    }

    private func matches(_ child: TableLayout, _ key: TableLayout.ForeignKey, _ parent: TableLayout) -> String {
        var names = key.parentColumns
        if names.isEmpty {
            names = parent.columns.filter { $0.primaryKeyPosition > 0 }
                .sorted { $0.primaryKeyPosition < $1.primaryKeyPosition }.map(\.name)
        }
        // As for a foreign key, the parent's column alone decides: it stands on the left, so its collation counts, and
        // after "+" the child's value has no affinity of its own.
        return zip(names, self.names(key, of: child)).map { "parent.\(SQLName.quote($0)) = +\($1)" }
            .joined(separator: " AND ")
    }

    /// The rows that it refers to where they are still there; none where SQL cannot name them.
    func parents(of orphan: Orphan) throws(BatchError) -> [(table: String, key: UInt64)] {
        guard let child = try schema.layout(named: orphan.child), child.key != .rowid(alias: nil),
            let key = child.foreignKeys.first(where: { $0.id == orphan.foreignKey }),
            let parent = try schema.layout(named: orphan.parent), parent.key != .rowid(alias: nil)
        else { return [] }
        let condition = """
            EXISTS (SELECT 1 FROM main.\(child.quotedName) AS child \
            WHERE \(child.keyCondition) AND \(matches(child, key, parent)))
            """
        let sql = "SELECT \(keyList(parent)) FROM main.\(parent.quotedName) AS parent WHERE \(condition)"
        return try connection.rows(sql, orphan.row.parameters).map { row in
            let found: RowKey =
                if let rowid = row[0].integer, !parent.isWithoutRowID { .rowid(rowid) } else { .values(row) }
            return (parent.name, found.order)
        }
    }

    private func keyList(_ layout: TableLayout) -> String {
        guard case .primaryKey(let positions) = layout.key else { return "parent." + (layout.rowidName ?? "rowid") }
        return positions.map { "parent." + SQLName.quote(layout.columns[$0].name) }.joined(separator: ", ")
    }
}

extension Ledger {
    /// Keeps which keys are missing already: undo may bring such rows back.
    func noteOrphans() throws(BatchError) {
        try connection.run("DELETE FROM main.batchmgr_orphans")
        let orphans = OrphanRows(connection)
        for layout in try SchemaReader(connection).tables() where !layout.foreignKeys.isEmpty {
            var keys: [Relation: KeyRuns] = [:]
            try orphans.forEach(of: layout) { (orphan) throws(BatchError) in
                if let relation = orphan.relation { keys[relation, default: KeyRuns()].insert(orphan.key) }
            }
            for (relation, var runs) in keys {
                runs.compact()
                try connection.run(
                    "INSERT OR REPLACE INTO main.batchmgr_orphans VALUES(?, ?, ?)",
                    [
                        .string(layout.name), .integer(try relationID(relation)),
                        .blob(runs.encoded(runs.runs.indices)),
                    ])
            }
        }
    }

    /// The keys that rows of a table missed when the database was taken as it is.
    func orphans(of table: String, _ relation: Relation) throws(BatchError) -> KeyRuns {
        let bytes = try connection.value(
            "SELECT keys FROM main.batchmgr_orphans WHERE table_name = ? AND relation = ?",
            [.string(table), .integer(try relationID(relation))])?.bytes
        return try bytes.map { (bytes) throws(BatchError) in try KeyRuns(encoded: bytes) } ?? KeyRuns()
    }
}

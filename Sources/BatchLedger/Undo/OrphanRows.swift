internal import BatchCore

/// Rows of one table that refer to a row which is not there, and by which key.
struct OrphanRows {
    private let connection: Connection
    private let schema: SchemaReader

    init(_ connection: Connection) {
        self.connection = connection
        schema = SchemaReader(connection)
    }

    struct Orphan {
        let child: String
        let parent: String
        let relation: Relation
        /// The missing key as facts name it.
        let key: UInt64
        let rowid: Int64?
    }

    /// Calls `body` for every orphan. Foreign keys that name no table or no key are an old fault of the schema: no row
    /// can satisfy them.
    func forEach(of layout: TableLayout, _ body: (Orphan) throws(BatchError) -> Void) throws(BatchError) {
        let stored = layout.storedColumns
        for (key, parent, track) in try CapturedTableBuilder(schema: schema).references(layout, stored) {
            let statement: Statement
            do throws(BatchError) { statement = try connection.prepare(query(layout, key, parent)) } catch { continue }
            var scratch = ByteBuffer()
            var image = ByteBuffer()
            while try statement.step() {
                let values = (0..<key.columns.count).map { statement.value($0) }
                // The track names the columns in the order of the parent's index.
                let ordered = track.columns.map { column in
                    key.columns.firstIndex { stored[column] == $0 }.map { values[$0] } ?? .null
                }
                guard let hash = hash(track, ordered, &image, &scratch) else { continue }
                let rowid = layout.rowidName == nil ? nil : statement.value(key.columns.count).integer
                try body(
                    Orphan(
                        child: layout.name, parent: parent.name, relation: track.relation, key: hash, rowid: rowid))
            }
        }
    }

    private func hash(
        _ track: CapturedReference, _ values: [SQLValue], _ image: inout ByteBuffer, _ scratch: inout ByteBuffer
    ) -> UInt64? {
        image.removeAll()
        var ends: [Int] = []
        for value in values {
            RowCodec.encode(value, into: &image)
            ends.append(image.count)
        }
        let bytes = image.bytes
        let parts = zip([0] + ends, ends).map { UnsafeRawBufferPointer(rebasing: bytes[$0..<$1]) }
        return track.key(of: parts, &scratch)
    }

    private func query(_ layout: TableLayout, _ key: ForeignKey, _ parent: TableLayout) -> String {
        let columns = key.columns.map { "child." + SQLName.quote(layout.columns[$0].name) }
        var names = key.parentColumns
        if names.isEmpty {
            names = parent.columns.filter { $0.primaryKeyPosition > 0 }
                .sorted { $0.primaryKeyPosition < $1.primaryKeyPosition }.map(\.name)
        }
        // The parent stands on the left: its collation and affinity decide.
        let matches = zip(names, columns).map { "parent.\(SQLName.quote($0)) = \($1)" }.joined(separator: " AND ")
        let present = columns.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
        let rowid = layout.rowidName.map { ", child.\($0)" } ?? ""
        return """
            SELECT \(columns.joined(separator: ", "))\(rowid) FROM main.\(layout.quotedName) AS child WHERE \(present) \
            AND NOT EXISTS (SELECT 1 FROM main.\(parent.quotedName) AS parent WHERE \(matches))
            """
    }
}

extension Ledger {
    /// Keeps which keys are missing already: undo may bring such rows back.
    func noteOrphans() throws(BatchError) {
        try connection.run("DELETE FROM batchmgr_orphans")
        let orphans = OrphanRows(connection)
        for layout in try SchemaReader(connection).tables() where !layout.foreignKeys.isEmpty {
            var keys: [Relation: KeyRuns] = [:]
            try orphans.forEach(of: layout) { (orphan) throws(BatchError) in
                keys[orphan.relation, default: KeyRuns()].insert(orphan.key)
            }
            for (relation, var runs) in keys {
                runs.compact()
                try connection.run(
                    "INSERT OR REPLACE INTO batchmgr_orphans VALUES(?, ?, ?)",
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
            "SELECT keys FROM batchmgr_orphans WHERE table_name = ? AND relation = ?",
            [.string(table), .integer(try relationID(relation))])?.bytes
        return try bytes.map { (bytes) throws(BatchError) in try KeyRuns(encoded: bytes) } ?? KeyRuns()
    }
}

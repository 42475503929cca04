internal import BatchCore
internal import BatchLedger

/// Applies what a `.bak` holds to a file that is being built.
struct BakReader {
    let path: String
    let file: Connection

    init(_ path: String) throws(BatchError) {
        self.path = path
        file = try BakManifest.open(path)
    }

    /// - Parameter kind: `before` or `after`.
    func state(_ kind: String) throws(BatchError) -> DatabaseState {
        var parts: [String: [UInt8]] = [:]
        for part in ["manifest", "schema"] {
            parts[part] = []
            try BakBlock.forEach(name: part, kind: kind, in: file) { bytes in parts[part] = [UInt8](bytes) }
        }
        return try PointManifest(parts["manifest"] ?? [], schema: parts["schema"] ?? []).state
    }

    /// Names of the tables of which the file has blocks of this kind.
    func names(_ kind: String) throws(BatchError) -> Set<String> {
        Set(
            try file.rows("SELECT DISTINCT name FROM main.batchmgr_bak_block WHERE kind = ?", [.string(kind)])
                .compactMap { $0[0].string })
    }

    /// Turns the state on one side of the batch into that on the other.
    /// - Parameter proof: of `database`; it is carried along.
    /// - Returns: indexes that the application has to rebuild.
    func apply(to database: String, backward: Bool, _ proof: RowProof?) throws(BatchError) -> [String] {
        let target = try state(backward ? "before" : "after")
        let rewritten = backward ? [] : try names("rows")
        let system = try SystemRows(of: database)
        let builder = try DatabaseBuilder(changing: database, to: target, rewritten: rewritten)
        for name in rewritten.union(builder.newTables) { proof?.forget(name) }
        let changed = try names("changes")
        for (name, hidden) in try builder.tables() {
            if hidden.role == .system { try system.restore(name, hidden, on: builder.connection) }
            if rewritten.contains(name) {
                try insertAll(name, try builder.reveal(hidden), builder)
            } else if changed.contains(name) {
                try change(name, hidden, builder, backward: backward, proof)
            }
        }
        try builder.finish()
        return builder.staleIndexes
    }

    private func insertAll(_ name: String, _ layout: TableLayout, _ builder: DatabaseBuilder) throws(BatchError) {
        let inserter = try RowInserter(layout, on: builder.connection)
        if layout.role == .system { try inserter.removeAll() }
        let stored = layout.storedColumns.count
        try BakBlock.forEach(name: name, kind: "rows", in: file) { bytes throws(BatchError) in
            var reader = ByteReader(bytes)
            while !reader.isAtEnd {
                let rowid = inserter.format.hasRowid ? try reader.value().integer : nil
                try inserter.insert(rowid: rowid, inserter.format.arranged(try reader.values(stored)))
            }
        }
    }

    private func change(
        _ name: String, _ layout: TableLayout, _ builder: DatabaseBuilder, backward: Bool, _ proof: RowProof?
    ) throws(BatchError) {
        let isWhole = try builder.change(layout, proof) { (body) throws(BatchError) in
            try forEach(name, layout, backward, body)
        }
        if !isWhole { throw BakFault.damaged(path, "it changes a row of \(name) that its base does not contain") }
    }

    private func forEach(
        _ name: String, _ layout: TableLayout, _ backward: Bool, _ body: (BakRecord) throws(BatchError) -> Void
    ) throws(BatchError) {
        try BakBlock.forEach(name: name, kind: "changes", in: file) { bytes throws(BatchError) in
            var reader = ByteReader(bytes)
            while !reader.isAtEnd {
                let record = try BakRecord(&reader, layout)
                try body(backward ? record.reversed : record)
            }
        }
    }

    /// The counters and statistics of a file, put back after its tables were written to: SQLite moves a counter with
    /// every insert, and drops both with their table.
    struct SystemRows {
        private var rows: [String: [[SQLValue]]] = [:]

        init(of path: String) throws(BatchError) {
            let file = try Connection(path: path, mode: .readOnly)
            let names =
                "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name LIKE 'sqlite\\_%' ESCAPE '\\'"
            for name in try file.rows(names).compactMap({ $0[0].string }) {
                rows[name] = try file.rows("SELECT rowid, * FROM main.\(SQLName.quote(name))")
            }
        }

        /// Does nothing for a table that the file did not have.
        func restore(_ name: String, _ layout: TableLayout, on connection: Connection) throws(BatchError) {
            guard let rows = rows[name] else { return }
            let columns = layout.columns.map { SQLName.quote($0.name) }
            let places = columns.map { _ in ", ?" }.joined()
            try connection.execute("DELETE FROM main.\(layout.quotedName)")
            for row in rows {
                try connection.run(
                    "INSERT INTO main.\(layout.quotedName)(rowid, \(columns.joined(separator: ", "))) VALUES (?\(places))",
                    row)
            }
        }
    }
}

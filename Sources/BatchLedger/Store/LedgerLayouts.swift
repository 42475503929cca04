public import BatchCore

/// Table layouts as they were when a batch wrote: the undo log of an old batch is read with the layout of its time.
extension Ledger {
    func layoutID(_ layout: TableLayout) throws(BatchError) -> Int64 {
        let text = JSONWriter.text(layout.json)
        var buffer = ByteBuffer()
        buffer.append(contentsOf: Array(text.utf8))
        let digest = buffer.digest().description
        if let id = try connection.value("SELECT id FROM main.batchmgr_layouts WHERE digest = ?", [.string(digest)])?
            .integer
        {
            return id
        }
        try connection.run(
            "INSERT INTO main.batchmgr_layouts(table_name, digest, layout) VALUES(?, ?, ?)",
            [.string(layout.name), .string(digest), .string(text)])
        return connection.lastInsertRowID
    }

    /// The last form in which a batch wrote to a table that may be gone; nil when none did.
    public func lastLayout(named table: String) throws(BatchError) -> TableLayout? {
        let text = try connection.value(
            "SELECT layout FROM main.batchmgr_layouts WHERE table_name = ? COLLATE NOCASE ORDER BY id DESC LIMIT 1",
            [.string(table)])?.string
        return text.flatMap { try? JSONParser.parse($0) }.flatMap(TableLayout.init(json:))
    }

    /// The tables of a checkpoint by the numbers that its undo log uses.
    func changedTables(of checkpoint: Int64) throws(BatchError) -> [Int: RecordedTable] {
        let sql = """
            SELECT c.number, c.digest, c.rows, l.layout FROM main.batchmgr_changes c JOIN main.batchmgr_layouts l ON l.id = c.layout \
            WHERE c.checkpoint = ?
            """
        var tables: [Int: RecordedTable] = [:]
        for row in try connection.rows(sql, [.integer(checkpoint)]) {
            guard let digest = row[1].string.flatMap(Digest.init(hex:)), let text = row[3].string,
                let json = try? JSONParser.parse(text), let layout = TableLayout(json: json)
            else { throw Ledger.damaged("batchmgr_changes") }
            tables[Int(row[0].integer ?? -1)] = RecordedTable(
                layout: layout, change: TableDigest(digest: digest, rows: row[2].integer ?? 0))
        }
        return tables
    }
}

/// A table that a checkpoint changed: how it looked then, and by how much its digest changed.
struct RecordedTable {
    let layout: TableLayout
    let change: TableDigest
}

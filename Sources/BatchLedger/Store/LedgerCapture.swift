public import BatchCore

/// What a checkpoint writes beside the user's rows, in the same transaction.
extension Ledger {
    func insertCheckpoint(
        batch: Int64, number: Int, step: String, position: String?, at time: String, rows: RowCounts
    ) throws(BatchError) -> Int64 {
        try connection.run(
            """
            INSERT INTO main.batchmgr_checkpoints(batch, number, step, position, committed_at, inserted, updated, deleted) \
            VALUES(?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(batch), .integer(Int64(number)), .string(step), .optional(position), .string(time),
                .integer(Int64(rows.inserted)), .integer(Int64(rows.updated)), .integer(Int64(rows.deleted)),
            ])
        return connection.lastInsertRowID
    }

    /// In a copy that shows an earlier state: nothing has happened since.
    public func forget(after checkpoint: Int64, leaving state: StateDigest) throws(BatchError) {
        try connection.run("DELETE FROM main.batchmgr_checkpoints WHERE id > ?", [.integer(checkpoint)])
        try setState(state)
    }

    /// Keeps the schema cookies at both ends of a checkpoint. When those of neighbours do not meet, somebody else has
    /// changed the schema in between, or run VACUUM, which may renumber rows.
    func noteSchemaVersions(_ checkpoint: Int64, before: Int64) throws(BatchError) {
        let now = try connection.value("PRAGMA main.schema_version") ?? .integer(0)
        try connection.run(
            "UPDATE main.batchmgr_checkpoints SET schema_before = ?, schema_after = ? WHERE id = ?",
            [.integer(before), now, .integer(checkpoint)])
    }

    /// The last checkpoint after which a VACUUM may have happened; 0 when none has.
    func lastCheckpointBeforeVacuum() throws(BatchError) -> Int64 {
        let rows = try connection.rows(
            "SELECT id, schema_before, schema_after FROM main.batchmgr_checkpoints ORDER BY id")
        guard let newest = rows.last else { return 0 }
        let now = try connection.value("PRAGMA main.schema_version")
        if newest[2] != now { return newest[0].integer ?? 0 }
        for (row, next) in zip(rows, rows.dropFirst()).reversed() where row[2] != next[1] {
            return row[0].integer ?? 0
        }
        return 0
    }

    /// Writes everything the recorder gathered.
    /// - Parameter system: log and tracks of the system tables; their entries are undone last, so they come first.
    func write(_ sink: ChangeSink, system: UndoLogWriter, checkpoint: Int64) throws(BatchError) {
        var block: Int64 = 0
        for log in [system, sink.log] {
            try log.drain { (undo) throws(BatchError) in
                try insert(undo, checkpoint: checkpoint, block: block)
                block += 1
            }
        }
        for track in sink.tables where track.isTouched {
            let layout = try layoutID(track.capture?.recorded ?? RecordedLayout(track.layout))
            try connection.run(
                "INSERT INTO main.batchmgr_changes VALUES(?, ?, ?, ?, ?, ?)",
                [
                    .integer(checkpoint), .integer(Int64(track.number)), .string(track.layout.name), .integer(layout),
                    .string(track.digest.digest.description), .integer(track.digest.rows),
                ])
            let start = ContinuousClock.now
            try write(facts: track, checkpoint: checkpoint)
            factsTime += ContinuousClock.now - start
        }
    }

    private func insert(_ undo: UndoBlock, checkpoint: Int64, block: Int64) throws(BatchError) {
        try connection.run(
            "INSERT INTO main.batchmgr_undo VALUES(?, ?, ?, ?, ?, ?)",
            [
                .integer(checkpoint), .integer(block), .integer(Int64(undo.entries)), .integer(Int64(undo.size)),
                .integer(Int64(bitPattern: undo.checksum)),
            ], andBytes: undo.data)
    }

    /// A block of the undo log, expanded from where SQLite has it: one of a huge row is not in memory twice.
    func openUndoBlock(_ checkpoint: Int64, _ block: Int64) throws(BatchError) -> OpenUndoBlock? {
        let statement = try connection.cached(
            "SELECT entries, size, checksum, data FROM main.batchmgr_undo WHERE checkpoint = ? AND block = ?")
        defer { statement.reset() }
        try statement.bind([.integer(checkpoint), .integer(block)])
        guard try statement.step() else { return nil }
        let (size, data) = (Int(statement.integer(1)), statement.bytes(3))
        if data.isEmpty, size > 0 { throw Ledger.thinned() }
        let buffer = try BlockCompressor.restore(
            data, size: size, checksum: UInt64(bitPattern: statement.integer(2)))
        return OpenUndoBlock(entries: Int(statement.integer(0)), buffer: buffer)
    }

    func undoBlock(_ checkpoint: Int64, _ block: Int64) throws(BatchError) -> UndoBlock? {
        let rows = try connection.rows(
            "SELECT entries, size, checksum, data FROM main.batchmgr_undo WHERE checkpoint = ? AND block = ?",
            [.integer(checkpoint), .integer(block)])
        guard let row = rows.first else { return nil }
        let undo = UndoBlock(
            entries: Int(row[0].integer ?? 0), size: Int(row[1].integer ?? 0),
            checksum: UInt64(bitPattern: row[2].integer ?? 0), data: row[3].bytes ?? [])
        if undo.data.isEmpty, undo.size > 0 { throw Ledger.thinned() }
        return undo
    }

    func undoBlockCount(_ checkpoint: Int64) throws(BatchError) -> Int64 {
        try connection.value("SELECT count(*) FROM main.batchmgr_undo WHERE checkpoint = ?", [.integer(checkpoint)])?
            .integer
            ?? 0
    }

    /// Takes what was recorded into the digests of the state.
    /// - Parameter hasSchemaChange: tables may have come, gone, or other definitions.
    func updateState(_ recorded: [CapturedTable], hasSchemaChange: Bool) throws(BatchError) {
        var names: Set<String> = []
        var changes: [String: TableDigest] = [:]
        for track in recorded where track.isTouched {
            names.insert(track.layout.name)
            changes[track.layout.name, default: TableDigest()] += track.digest
        }
        for name in names {
            var now = try state(of: name) ?? TableDigest()
            now += changes[name] ?? TableDigest()
            try setState(name, now)
        }
        guard hasSchemaChange else { return }
        let schema = SchemaReader(connection)
        let objects = try schema.objects()
        try setSchemaState(try schema.digest())
        let tables = Set(objects.filter { $0.type == "table" && !$0.isVirtualTable }.map(\.name))
        for name in names where !tables.contains(name) { try removeState(name) }
        for name in tables.subtracting(names) {
            if try state(of: name) == nil { try setState(name, TableDigest()) }
        }
    }

    // MARK: Facts

    private func write(facts track: CapturedTable, checkpoint: Int64) throws(BatchError) {
        guard let name = track.factName else { return }
        let rows = Relation.rows(name)
        try write(rows, .added, track.added, checkpoint)
        try write(rows, .changed, track.changed, checkpoint)
        try write(rows, .removed, track.removed, checkpoint)
        try write(rows, .confirmed, track.confirmed, checkpoint)
        for key in track.uniqueKeys {
            try write(key.relation, .added, key.taken, checkpoint)
            try write(key.relation, .removed, key.freed, checkpoint)
        }
        for reference in track.references {
            try write(reference.relation, .referenced, reference.referenced, checkpoint)
            try write(reference.relation, .released, reference.released, checkpoint)
        }
    }

    /// Runs in one row; more become several rows, so that reading back needs little memory.
    private static let mostRunsInPart = 65_536

    /// A row of more than about 1000 bytes has pages of its own, and leaves half of the last one empty: a few thousand bytes
    /// need less room in several rows. With more of them that does not matter.
    private static func runsInPart(of keys: KeyRuns) -> Int {
        let (longestRow, longestSplit) = (900, 16_384)
        // A run takes at least two bytes, and at most twenty.
        guard keys.runs.count > longestRow / 20, keys.runs.count < longestSplit / 2 else { return mostRunsInPart }
        let bytes = keys.encoded(0..<keys.runs.count).count
        guard bytes > longestRow, bytes <= longestSplit else { return mostRunsInPart }
        let rows = (bytes + longestRow - 1) / longestRow
        return (keys.runs.count + rows - 1) / rows
    }

    func write(_ relation: Relation, _ side: FactSide, _ keys: KeyRuns, _ checkpoint: Int64) throws(BatchError) {
        if keys.isEmpty { return }
        var keys = keys
        keys.compact()
        let id = try relationID(relation)
        let taken = try connection.value(
            "SELECT max(part) FROM main.batchmgr_facts WHERE relation = ? AND checkpoint = ? AND side = ?",
            [.integer(id), .integer(checkpoint), .integer(side.rawValue)])?.integer
        let size = Ledger.runsInPart(of: keys)
        for (part, start) in stride(from: 0, to: keys.runs.count, by: size).enumerated() {
            let range = start..<min(start + size, keys.runs.count)
            let count = keys.runs[range].reduce(UInt64(0)) { $0 &+ ($1.high - $1.low) &+ 1 }
            try connection.run(
                "INSERT INTO main.batchmgr_facts VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    .integer(id), .integer(checkpoint), .integer(side.rawValue),
                    .integer((taken.map { $0 + 1 } ?? 0) + Int64(part)), .ordered(keys.runs[range.lowerBound].low),
                    .ordered(keys.runs[range.upperBound - 1].high), .integer(Int64(clamping: count)),
                    .blob(keys.encoded(range)),
                ])
        }
    }

    func relationID(_ relation: Relation) throws(BatchError) -> Int64 {
        let parameters: [SQLValue] = [
            .string(relation.kind.rawValue), .string(relation.table), .string(relation.columns),
        ]
        let find = "SELECT id FROM main.batchmgr_relations WHERE kind = ? AND table_name = ? AND columns = ?"
        if let id = try connection.value(find, parameters)?.integer { return id }
        try connection.run("INSERT INTO main.batchmgr_relations(kind, table_name, columns) VALUES(?, ?, ?)", parameters)
        return connection.lastInsertRowID
    }
}

extension SQLValue {
    /// A key as a signed number that sorts as the unsigned one does.
    static func ordered(_ key: UInt64) -> SQLValue { .integer(Int64(bitPattern: key ^ (1 << 63))) }
}

internal import BatchCore

/// What a checkpoint leaves behind beside its log.
extension Gateway {
    func record(_ system: [(table: String, changes: [RowChange])]) throws(BatchError) {
        for (table, changes) in system {
            let layout = try schema.layout(named: table) ?? TableLayout.dropped(systemTable: table)
            try recorder.record(changes, of: layout, in: systemLog)
        }
    }

    func updateState() throws(BatchError) {
        var names: Set<String> = []
        var changes: [String: TableDigest] = [:]
        for track in recorder.tracks where track.isTouched {
            names.insert(track.layout.name)
            changes[track.layout.name, default: TableDigest()] += track.digest
        }
        for name in names {
            let row = try connection.rows(
                "SELECT digest, rows FROM batchmgr_state WHERE table_name = ?", [.string(name)]
            ).first
            var now = TableDigest(
                digest: row?[0].string.flatMap(Digest.init(hex:)) ?? .zero, rows: row?[1].integer ?? 0)
            now += changes[name] ?? TableDigest()
            try ledger.setState(name, now)
        }
        guard hasSchemaChange else { return }
        let objects = try schema.objects()
        try ledger.setState(Ledger.schemaRow, TableDigest(digest: StateDigest.schemaDigest(objects)))
        let tables = Set(objects.filter { $0.type == "table" && !$0.isVirtualTable }.map(\.name))
        for name in names where !tables.contains(name) { try ledger.removeState(name) }
        for name in tables.subtracting(names) {
            try connection.run(
                "INSERT OR IGNORE INTO batchmgr_state VALUES(?, ?, 0)",
                [.string(name), .string(Digest.zero.description)])
        }
    }
}

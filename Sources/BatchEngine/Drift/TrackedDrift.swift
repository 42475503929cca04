internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Finds drift by the notes of the guard: the noted rows as they are now against those of the last restore point in git.
struct TrackedDrift {
    private let session: Session
    private let known: StateDigest
    private let point: PointRows
    private let notes: [String: WriteGuard.Notes]

    /// Nil when the notes cannot be relied on: tables are not guarded, or the schema was changed, or git does not have the
    /// state that the ledger knows.
    init?(_ session: Session, _ known: StateDigest) throws(BatchError) {
        let watch = WriteGuard(session.ledger)
        let schema = SchemaReader(session.connection)
        guard try watch.mode() == .track, try watch.isIntact(),
            try schema.digest() == known.schema,
            let last = try session.ledger.lastPoint(where: "status = 'complete' AND commit_id IS NOT NULL"),
            last.digest == known.combined, let commit = last.commit.flatMap({ CommitID($0) }),
            let point = try? PointRows(session.git, at: commit), point.state.digest.combined == known.combined
        else { return nil }
        self.session = session
        self.known = known
        self.point = point
        notes = Dictionary(try watch.notes().map { ($0.table, $0) }) { first, _ in first }
    }

    /// Nil when a table has to be read whose rows SQL cannot name.
    func find() throws(BatchError) -> Drift? {
        var state = known
        var tables: [Drift.Table] = []
        for layout in try SchemaReader(session.connection).tables() {
            guard let changes = try changes(of: layout) else { return nil }
            guard !changes.isEmpty else { continue }
            var digest = known.tables[layout.name] ?? TableDigest()
            for change in changes {
                if let row = change.before { digest -= TableDigest(digest: RowCodec.hash(row), rows: 1) }
                if let row = change.after { digest += TableDigest(digest: RowCodec.hash(row), rows: 1) }
            }
            state.tables[layout.name] = digest
            tables.append(Drift.Table(before: layout, after: layout, changes: changes))
        }
        return Drift(
            tables: tables.filter { $0.after?.role != .system } + tables.filter { $0.after?.role == .system },
            state: state, hasSchemaChange: false, before: nil, isTracked: true)
    }

    private func changes(of layout: TableLayout) throws(BatchError) -> [RowChange]? {
        guard layout.role == .ordinary else {
            // No trigger can be put on these.
            let now = try StateDigest.compute(layout, session.connection)
            return now == known.tables[layout.name] ?? TableDigest() ? [] : try allChanges(of: layout)
        }
        guard let note = notes[layout.name] else { return [] }
        if case .rowid(nil) = layout.key { return nil }
        if note.isWhole { return try allChanges(of: layout) }
        let rows = try TableRows(layout, on: session.connection)
        var changes: [RowChange] = []
        var moved: Set<RowKey> = []
        var fresh: [RowKey] = []
        for key in note.keys {
            guard let before = try point.row(key, of: layout) else {
                fresh.append(key)
                continue
            }
            let after = try rows.row(key)
            if let after { moved.insert(layout.key(key, of: after)) }
            if before != after { changes.append(RowChange(key: key, before: before, after: after)) }
        }
        for key in fresh where !moved.contains(key) {
            guard let after = try rows.row(key), layout.key(key, of: after) == key else { continue }
            changes.append(RowChange(key: key, before: nil, after: after))
        }
        return changes.sorted { $0.key.order < $1.key.order }
    }

    private func allChanges(of layout: TableLayout) throws(BatchError) -> [RowChange]? {
        if case .rowid(nil) = layout.key { return nil }
        let rows = try TableRows(layout, on: session.connection)
        var changes: [RowChange] = []
        var moved: Set<RowKey> = []
        try point.forEachRow(of: layout) { (key, before) throws(BatchError) in
            let after = try rows.row(key)
            if let now = after.map({ layout.key(key, of: $0) }), now != key { moved.insert(now) }
            if after != before { changes.append(RowChange(key: key, before: before, after: after)) }
        }
        let reader = try RowReader(layout, on: session.connection, where: layout.userRows)
        while let row = try reader.next() {
            guard let key = row.key, !moved.contains(key), try point.row(key, of: layout) == nil else { continue }
            changes.append(RowChange(key: key, before: nil, after: row.values))
        }
        return changes
    }
}

extension TableLayout {
    /// The key of a row that was looked up by `key`: "=" also finds one that differs in case only.
    fileprivate func key(_ key: RowKey, of row: [SQLValue]) -> RowKey {
        guard case .primaryKey(let positions) = self.key else { return key }
        let stored = storedColumns
        return .values(positions.compactMap { position in stored.firstIndex(of: position).map { row[$0] } })
    }
}

public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// What differs from the state that the ledger knows, and no batch did.
struct Drift {
    struct Table {
        /// As it was, and as it is; nil where it is not there.
        let before: TableLayout?
        let after: TableLayout?
        let changes: [RowChange]
    }

    /// A file that is gone when nobody needs it any more.
    struct Before {
        let connection: Connection
        fileprivate let folder: ScratchFolder

        init(_ connection: Connection, in folder: ScratchFolder) {
            self.connection = connection
            self.folder = folder
        }
    }

    /// True when rows alone do not tell it: the schema was changed too, or SQL cannot name the rows.
    var needsWhole: Bool {
        hasSchemaChange
            || tables.contains { table in
                if case .rowid(nil)? = (table.after ?? table.before)?.key { true } else { false }
            }
    }

    /// Tables with changes, those that SQLite keeps for itself last.
    let tables: [Table]
    /// The state of the database with the drift in it.
    let state: StateDigest
    /// The schema was changed too.
    let hasSchemaChange: Bool
    /// The database as the ledger knows it, rebuilt beside this one; nil where notes were enough.
    let before: Before?
    /// Found by the notes of the guard, without reading the database.
    let isTracked: Bool

    /// Virtual tables, and tables of SQLite's own, that hold something else than before.
    /// - Parameter isTenant: whoever asks sees rows of one tenant alone; whose these are nobody can tell.
    func unlisted(isTenant: Bool) -> [String] {
        if isTenant { return [] }
        let names = tables.compactMap { table -> String? in
            guard !table.changes.isEmpty, let layout = table.after ?? table.before else { return nil }
            return switch layout.role {
            case .ordinary: nil
            case .shadow(let owner): owner
            case .system: layout.name
            }
        }
        return Set(names).sorted()
    }
}

/// Finds what was changed outside any batch, row by row.
struct DriftSearch {
    let session: Session
    /// Somebody who holds the gate of the guard open writes without a note.
    private let mayTrustNotes: Bool

    /// Make it before a gateway opens the gate itself.
    init(session: Session) throws(BatchError) {
        self.session = session
        mayTrustNotes = try !WriteGuard(session.ledger).isForcedOpen()
    }

    /// Nil when nothing was.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when no copy tells what the rows were.
    func find() throws(BatchError) -> Drift? {
        guard let known = try session.ledger.state() else { return nil }
        if let drift = try tracked(known) { return drift.state.combined == known.combined ? nil : drift }
        let now = try StateDigest.compute(session.connection)
        return now.combined == known.combined ? nil : try compare(known, now)
    }

    /// What the notes of the guard tell; nil when they cannot be relied on.
    func tracked(_ known: StateDigest) throws(BatchError) -> Drift? {
        mayTrustNotes ? try TrackedDrift(session, known)?.find() : nil
    }

    private func rebuild(_ point: RestorePoint, to file: String) throws(BatchError) -> String {
        do throws(BatchError) {
            return try Restoring(session).rebuild(point, to: file).file
        } catch {
            let written = try session.ledger.lastPoint(where: "status = 'complete'")?.lastCheckpoint ?? 0
            guard error.code == .noRestorePoint,
                let waiting = try session.ledger.checkpoints(where: "id > ?", [.integer(written)]).last,
                let batch = try session.ledger.batch(seq: waiting.batch)
            else { throw error }
            throw BatchError(
                .noRestorePoint,
                "the database was changed before the restore point of \(batch.batch) was written, so no copy tells what it was before",
                hint:
                    "the next batch keeps it as it is, as a restore point; what \(batch.batch) did can be undone: \(command: "rollback --id \(batch.batch)")"
            )
        }
    }

    /// Rebuilds the last point beside the database and reads both.
    private func compare(_ known: StateDigest, _ now: StateDigest) throws(BatchError) -> Drift {
        let last = try session.ledger.lastPoint(where: "status = 'complete'")
        let point = RestorePoint(
            name: "the last recorded state", commit: last?.commit.flatMap { CommitID($0) }, digest: known.combined,
            bak: RestorePoint.Bak(.after, last?.bak))
        let scratch = try ScratchFolder(in: session.backups)
        let old = try Connection(path: try rebuild(point, to: scratch.file("last.db")))
        old.tolerateUnknownCollations()
        let difference = DatabaseDifference(old: old, new: session.connection)
        var tables: [Drift.Table] = []
        for table in try difference.tables() {
            var changes: [RowChange] = []
            try difference.forEachChange(of: table) { (row) throws(BatchError) in changes.append(row) }
            let isSame = table.before.map { before in table.after?.holdsSameRows(as: before) == true } ?? false
            guard !changes.isEmpty || !isSame else { continue }
            tables.append(Drift.Table(before: table.before, after: table.after, changes: changes))
        }
        return Drift(
            tables: tables.filter { $0.after?.role != .system } + tables.filter { $0.after?.role == .system },
            state: now, hasSchemaChange: known.schema != now.schema,
            before: Drift.Before(old, in: scratch), isTracked: false)
    }
}

extension Session {
    /// `drift show`
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when no copy tells what the rows were; `ERR_UX_USAGE` for a table that is not.
    public func drift(_ request: DriftRequest) throws(BatchError) -> DriftReport {
        if let name = request.table { _ = try table(named: name) }
        return try reading { () throws(BatchError) in
            let drift = try DriftSearch(session: self).find()
            var list = ChangeList(
                connection, table: request.table, isStatistics: request.isStatistics, owner: RowOwner(self))
            for table in drift?.tables ?? [] {
                guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
                for change in table.changes { list.add(change, before: table.before, after: table.after) }
            }
            var changes = list.report()
            if let before = drift?.before?.connection {
                changes.schema = try DatabaseDifference(old: before, new: connection).schema()
            }
            var report = DriftReport(
                changes: changes, hasSchemaChange: drift?.hasSchemaChange ?? false,
                isTracked: drift?.isTracked ?? false)
            if request.table == nil { report.unlisted = drift?.unlisted(isTenant: RowOwner(self) != nil) ?? [] }
            return report
        }
    }

    /// `drift undo --dry-run`: what it would change.
    /// - Throws: as `drift`, and as `undoDrift` when there is nothing to undo or it may not be.
    public func previewDriftUndo() throws(BatchError) -> DriftReport {
        try requireOperator("drift undo")
        try SwitchGate(self).require(.undo, "adoption of drift in \(path)")
        return try reading { () throws(BatchError) in
            guard let drift = try DriftSearch(session: self).find() else { throw DriftAdoption.nothing }
            var list = ChangeList(connection, table: nil, isStatistics: false)
            for table in drift.tables {
                guard let layout = table.before ?? table.after, list.wants(layout) else { continue }
                for change in table.changes {
                    list.add(
                        RowChange(key: change.key, before: change.after, after: change.before), before: table.after,
                        after: table.before)
                }
            }
            var changes = list.report()
            if let before = drift.before?.connection {
                changes.schema = try DatabaseDifference(old: connection, new: before).schema()
            }
            var report = DriftReport(
                changes: changes, hasSchemaChange: drift.hasSchemaChange, isTracked: drift.isTracked)
            report.unlisted = drift.unlisted(isTenant: false)
            report.isDryRun = true
            return report
        }
    }

    /// `drift undo`
    public func undoDrift() throws(BatchError) -> Rollback.Outcome {
        let adopted = try DriftAdoption(self).perform()
        context.noteStage(.other)
        return try Rollback(self).perform(RollbackRequest(batch: .batch(adopted.batch), mode: .restrict))
    }
}

/// Finds drift by the notes of the guard: the noted rows as they are now against those of the last restore point in git.
private struct TrackedDrift {
    private let session: Session
    private let known: StateDigest
    private let point: PointRows
    private let notes: [String: WriteGuard.Notes]

    /// Nil when the notes cannot be relied on: tables are not guarded, or the schema was changed, or git does not have the
    /// state that the ledger knows.
    init?(_ session: Session, _ known: StateDigest) throws(BatchError) {
        let guarding = WriteGuard(session.ledger)
        let schema = SchemaReader(session.connection)
        guard try guarding.mode() == .track, try guarding.isIntact(),
            try schema.digest() == known.schema,
            let last = try session.ledger.lastPoint(where: "status = 'complete' AND commit_id IS NOT NULL"),
            last.digest == known.combined, let commit = last.commit.flatMap({ CommitID($0) }),
            let point = try? PointRows(session.git, at: commit), point.state.digest.combined == known.combined
        else { return nil }
        self.session = session
        self.known = known
        self.point = point
        notes = Dictionary(try guarding.notes().map { ($0.table, $0) }) { first, _ in first }
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
        let reader = try RowReader(
            layout, on: session.connection, where: layout.userRows(session.connection.ledgerNames))
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

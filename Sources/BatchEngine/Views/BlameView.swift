public import BatchCore
internal import BatchHistory
internal import BatchLedger

extension Session {
    /// `blame`: who set each column of a row, when, and from what.
    /// - Throws: `ERR_UX_USAGE` when there is no such table or row, and never was one that the records know.
    public func blame(_ request: BlameRequest) throws(BatchError) -> BlameReport {
        try blame(request, batchesOnly: false)
    }

    /// - Parameter batchesOnly: what changed before the first batch, and outside any, is not looked for in git.
    func blame(_ request: BlameRequest, batchesOnly: Bool) throws(BatchError) -> BlameReport {
        try reading { () throws(BatchError) in
            let layout = try table(named: request.table)
            if case .rowid(nil) = layout.key {
                throw BatchError(
                    .usage, "rows of table \(layout.name) cannot be named: its columns hide the rowid",
                    hint: "see what a batch changed in it: \(command: "diff --id BATCH --table \(layout.name)")")
            }
            var (key, row) = try RowLookup(connection: connection, layout: layout).find(try request.values())
            let owner = RowOwner(self)
            // A row of another tenant is as good as none; nor is what became of it told.
            let isForeign = owner?.mayShow(row, of: layout) == false
            if isForeign { row = nil }
            let blame = try BlameView(session: self, layout: layout, key: key, row: row, batchesOnly: batchesOnly)
            guard !isForeign, let report = try blame.report() else {
                throw BatchError(
                    .unknownName,
                    "table \(layout.name) has no row with key \(request.key), and no batch has changed one",
                    hint: "see which rows a batch changed: \(command: "diff --id BATCH --table \(layout.name)")")
            }
            return report
        }
    }

    /// - Throws: `ERR_UX_USAGE` with the name that was probably meant.
    func table(named name: String) throws(BatchError) -> TableLayout {
        let schema = SchemaReader(connection)
        if let layout = try schema.layout(named: name), layout.role == .ordinary { return layout }
        let names = try schema.tables().filter { $0.role == .ordinary }.map(\.name)
        throw BatchError(
            .unknownName, "there is no table '\(name)' with rows of its own\(Suggestion.clause(for: name, in: names))",
            hint: "see which tables changed: \(command: "diff --id BATCH --stat")")
    }
}

/// Goes back over the history of one row, column by column.
struct BlameView {
    /// What one batch, or something outside any batch, did to the row in one go.
    private struct Change {
        let origin: BlameReport.Origin
        let record: BatchRecord?
        var before: [SQLValue]?
        let after: [SQLValue]?
        var added: Set<Int> = []
    }

    private let session: Session
    private let layout: TableLayout
    private let key: RowKey
    private let row: [SQLValue]?
    /// The last first.
    private var changes: [Change] = []
    private let isWhole: Bool

    init(
        session: Session, layout: TableLayout, key: RowKey, row: [SQLValue]?, batchesOnly: Bool
    ) throws(BatchError) {
        self.session = session
        self.layout = layout
        self.key = key
        self.row = row
        guard try session.ledger.exists() else {
            isWhole = true
            return
        }
        let drift = DriftHistory(session: session, layout: layout)
        let history = try RowHistory(session.ledger, of: key, in: layout, row: row) {
            (checkpoint, key) throws(BatchError) in try drift.row(key, after: checkpoint)
        }
        let older =
            !batchesOnly && history.isWhole && history.hasOneForm
            ? try drift.changes(of: history.key, endingAt: history.origin, before: history.versions.last?.behind) : []
        isWhole = history.isWhole
        var records: [Int64: BatchRecord] = [:]
        let owner = RowOwner(session)
        for var version in history.versions + older {
            if owner?.mayShow(version.after, of: layout) == false { break }
            let isTaken = owner?.mayShow(version.before, of: layout) == false
            if isTaken { version.before = nil }
            try add(version, drift, &records)
            if isTaken { break }
        }
    }

    private mutating func add(
        _ version: RowHistory.Version, _ drift: DriftHistory, _ records: inout [Int64: BatchRecord]
    ) throws(BatchError) {
        guard let checkpoint = version.checkpoint else {
            let origin = BlameReport.Origin(.drift, at: try drift.time(behind: version.behind))
            changes.append(Change(origin: origin, record: nil, before: version.before, after: version.after))
            return
        }
        guard let found = try session.ledger.checkpoints(where: "id = ?", [.integer(checkpoint)]).first else { return }
        if records[found.batch] == nil { records[found.batch] = try session.ledger.batch(seq: found.batch) }
        guard let record = records[found.batch] else { return }
        // Steps of one batch are one change.
        if let last = changes.last, last.record == record {
            changes[changes.count - 1].before = version.before
            changes[changes.count - 1].added.formUnion(version.added)
            return
        }
        let origin = BlameReport.Origin(
            BlameReport.Origin.Kind(rawValue: record.kind.rawValue) ?? .batch, batch: record.batch,
            actor: record.actor, at: Timestamp(ledger: found.committedAt))
        changes.append(
            Change(
                origin: origin, record: record, before: version.before, after: version.after, added: version.added))
    }

    /// Nil when there is no row, and none is known that was.
    func report() throws(BatchError) -> BlameReport? {
        if let row { return BlameReport(table: layout.name, key: key, deleted: nil, columns: columns(row, from: 0)) }
        guard let deletion = changes.firstIndex(where: { $0.before != nil }), let row = changes[deletion].before else {
            return nil
        }
        return BlameReport(
            table: layout.name, key: key, deleted: changes[deletion].origin, columns: columns(row, from: deletion + 1))
    }

    private func columns(_ row: [SQLValue], from start: Int) -> [BlameReport.Column] {
        layout.storedColumns.enumerated().map { place, position in
            column(place, named: layout.columns[position].name, row[place], from: start)
        }
    }

    private func column(_ place: Int, named name: String, _ value: SQLValue, from start: Int) -> BlameReport.Column {
        var index = start
        var restoredBy: BatchID?
        while index < changes.count {
            let change = changes[index]
            let isNew = change.added.contains(place)
            guard let after = change.after, isNew || change.before?[place] != after[place] else {
                index += 1
                continue
            }
            // A rollback sets nothing anew: the value is that of before the batch that it undid.
            if let undone = undoneChange(by: index, place, after[place]) {
                restoredBy = restoredBy ?? change.record?.batch
                index = undone + 1
                continue
            }
            return BlameReport.Column(
                name, value: value, from: isNew ? nil : change.before?[place], origin: change.origin,
                restoredBy: restoredBy)
        }
        let kind: BlameReport.Origin.Kind = isWhole ? .baseline : .unknown
        return BlameReport.Column(name, value: value, from: nil, origin: .init(kind), restoredBy: restoredBy)
    }

    /// The change that the rollback at `index` took back, as far as one column goes.
    private func undoneChange(by index: Int, _ place: Int, _ value: SQLValue) -> Int? {
        guard let record = changes[index].record, record.kind == .rollback, let undone = record.rollsBack else {
            return nil
        }
        let names = Set(undone.split(separator: " ").map(String.init))
        return changes.indices.last { older in
            guard older > index, let batch = changes[older].record?.batch.description, names.contains(batch) else {
                return false
            }
            return changes[older].before?[place] == value
        }
    }
}

/// What the restore points in git tell of one table's rows that were changed outside any batch: the undo log does not
/// know them.
private final class DriftHistory {
    private let session: Session
    private let layout: TableLayout
    /// Points with a commit, the oldest first.
    private lazy var points: [PointRecord] =
        (try? session.ledger.points(where: "status = 'complete' AND commit_id IS NOT NULL")) ?? []
    private var readers: [String: PointRows] = [:]

    init(session: Session, layout: TableLayout) {
        self.session = session
        self.layout = layout
    }

    /// The row as the batch of a checkpoint left it; nil too when git cannot tell.
    func row(_ key: RowKey, after checkpoint: Int64) throws(BatchError) -> [SQLValue]? {
        guard let point = points.first(where: { $0.lastCheckpoint >= checkpoint && $0.batch > 0 }) else { return nil }
        return try? row(key, at: point)
    }

    /// When a change after a checkpoint was kept as a point of its own; nil when it has not been.
    func time(behind checkpoint: Int64) throws(BatchError) -> Timestamp? {
        points.first { $0.kind == .drift && $0.lastCheckpoint >= checkpoint }.map { Timestamp(ledger: $0.createdAt) }
    }

    /// Changes outside any batch of a row that no batch had touched yet, the last first.
    /// - Parameters:
    ///   - row: as the first batch that touched it found it, or as it is now.
    ///   - checkpoint: of that batch; nil when none touched it.
    func changes(
        of key: RowKey, endingAt row: [SQLValue]?, before checkpoint: Int64?
    ) throws(BatchError) -> [RowHistory.Version] {
        let older = points.filter { point in checkpoint.map { point.lastCheckpoint < $0 } ?? true }
        guard let last = older.last else { return [] }
        var versions: [RowHistory.Version] = []
        var now = row
        func step(to before: [SQLValue]?, behind: Int64) {
            guard before != now else { return }
            versions.append(RowHistory.Version(checkpoint: nil, behind: behind, before: before, after: now))
            now = before
        }
        do throws(BatchError) {
            step(to: try self.row(key, at: last), behind: last.lastCheckpoint + 1)
            for (point, before) in zip(older.dropFirst(), older).reversed() where point.kind == .drift {
                step(to: try self.row(key, at: before), behind: point.lastCheckpoint)
            }
        } catch {
            // A point that cannot be read tells nothing; `verify` says so.
            return versions
        }
        return versions
    }

    private func row(_ key: RowKey, at point: PointRecord) throws(BatchError) -> [SQLValue]? {
        let id = point.commit ?? ""
        if let known = readers[id] { return try known.row(key, of: layout) }
        guard let commit = CommitID(id) else { return nil }
        let reader = try PointRows(session.git, at: commit)
        readers[id] = reader
        return try reader.row(key, of: layout)
    }
}

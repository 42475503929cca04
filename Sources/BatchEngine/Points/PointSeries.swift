internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// A restore point that waits for those of the batches after it, so that they are written together.
struct WaitingPoint {
    var point: PointRecord
    let batch: BatchRecord
    let before: StateDigest
    let after: DatabaseState
    let counts: [PointSource.TableCount]
    /// As the batch left the rows: what comes later changes nothing of it.
    let changes: GatheredChanges

    /// Nil when the point has to be made from the rows as they are now, or is too large to wait.
    init?(_ point: PointRecord, _ batch: BatchRecord, _ content: PointSource.Content) throws(BatchError) {
        guard !batch.hasSchemaChange, !content.isRenumbered, point.bakKind == .delta,
            batch.rows.total <= WaitingPoint.mostRows
        else { return nil }
        let tables = content.changes.tables
        guard !tables.contains(where: { $0.isReadWhole || $0.isStatistics }) else { return nil }
        let names = Set(tables.flatMap { [$0.before?.name, $0.after?.name].compactMap(\.self) })
        let (old, new) = (content.before.tables, content.after.digest.tables)
        // Of these SQLite reports no changes, so they are read whole.
        guard Set(old.keys).union(new.keys).allSatisfy({ old[$0] == new[$0] || names.contains($0) }) else { return nil }
        self.point = point
        self.batch = batch
        before = content.before
        after = content.after
        counts = content.counts
        changes = try GatheredChanges(content.changes)
    }

    /// The changes of a point that waits are in memory.
    private static let mostRows = 5_000
}

extension PointKeeper {
    /// Gathers what the point of a batch is made from, before anything follows it.
    /// - Parameter version: `Connection.dataVersion` before the batch.
    /// - Returns: nil when it must be completed at once.
    func waiting(_ point: PointRecord, _ batch: BatchRecord, since version: Int64) throws(BatchError) -> WaitingPoint? {
        guard point.status == .pending, point.bakKind == .delta else { return nil }
        return try session.connection.transaction { () throws(BatchError) -> WaitingPoint? in
            guard session.connection.dataVersion == version else { return nil }
            let content = try PointSource(session: session, point: point, batch: batch).read()
            return try WaitingPoint(point, batch, content)
        }
    }

    /// Begins to write both copies of the points of batches that follow each other, on a thread of its own: each its own
    /// `.bak` and commit, all with one wait for the disk. Call `finish` before anything else is written beside the database.
    func begin(series: [WaitingPoint]) throws(BatchError) -> SeriesInWriting {
        let base = try ledger.lastPoint(where: "bak IS NOT NULL AND status = 'complete'")?.bak
        let writer = SeriesWriter(
            points: series, base: base, heads: signedHeads(), git: git, text: text, path: session.path,
            backups: session.backups, branch: session.branch, tags: session.home.tags, ledger: try session.databaseID,
            tenantColumn: session.database.tenantColumn, reach: session.context.reach)
        return SeriesInWriting(
            points: series, begun: .now, written: BackgroundTask { () throws(BatchError) in try writer.write() })
    }

    /// Waits for the copies, and notes in the ledger that they are there.
    func finish(_ series: SeriesInWriting) throws(BatchError) {
        let written = try series.written.value()
        var points = series.points.map(\.point)
        try session.connection.transaction { () throws(BatchError) in
            for (index, copies) in written.enumerated() {
                points[index].bak = copies.file.name
                points[index].bakKind = .delta
                points[index].bakSHA256 = copies.file.sha256
                points[index].commit = copies.commit.description
                points[index].digest = series.points[index].after.digest.combined
                points[index].status = .complete
                try ledger.save(&points[index])
            }
        }
        for (point, waiting) in zip(points, series.points) {
            session.context.log.write(
                .info, "point.written", "commit \(point.commit?.prefix(10) ?? "-")", module: .points,
                batch: Log.Batch(waiting.batch, in: session))
        }
    }

    /// Points that were written together are all there, or none: a crash may have come before the ledger said so.
    func adoptWritten(_ pending: [PointRecord]) throws(BatchError) {
        let waiting = pending.filter { $0.batch > 0 }
        guard waiting.count > 1, let commits = try? git.messages(branch: session.branch, limit: waiting.count) else {
            return
        }
        let bak = BakStore(folder: session.backups)
        for var point in waiting {
            guard let batch = try ledger.batch(seq: point.batch), batch.status == .committed,
                let digest = batch.digestAfter,
                let found = commits.first(where: {
                    $0.message[trailer: "Batch-Id"] == "\(batch.batch)"
                        && $0.message[trailer: "State-Digest"] == digest.description
                }),
                let name = found.message.snapshotFile, let file = try bak.finished(name, leadingTo: digest)
            else { continue }
            try git.tag(batch.batch, at: found.id)
            point.bak = name
            point.bakKind = file.kind == .full ? .full : .delta
            point.bakSHA256 = file.sha256
            point.lastCheckpoint = try ledger.checkpoints(of: batch.seq).last?.id ?? point.lastCheckpoint
            point.commit = found.id.description
            point.digest = digest
            point.status = .complete
            try session.connection.transaction { () throws(BatchError) in try ledger.save(&point) }
        }
    }
}

/// Points whose copies are being written.
struct SeriesInWriting {
    let points: [WaitingPoint]
    let begun: ContinuousClock.Instant
    fileprivate let written: BackgroundTask<[SeriesWriter.Copies]>
}

/// Changes that were read while the database showed them.
struct GatheredChanges: ChangeSource {
    let tables: [ChangedTable]
    private var rows: [String: [RowChange]] = [:]
    private var blocks: [UndoBlockCopy] = []

    init(_ changes: BatchChanges) throws(BatchError) {
        tables = changes.tables
        for table in tables {
            var found: [RowChange] = []
            try changes.forEachChange(of: table) { (change) throws(BatchError) in found.append(change) }
            rows[table.name] = found
        }
        var found: [UndoBlockCopy] = []
        try changes.forEachUndoBlock { (block) throws(BatchError) in found.append(block) }
        blocks = found
    }

    func forEachChange(
        of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        for change in rows[table.name] ?? [] { try body(change) }
    }

    func forEachUndoBlock(_ body: (UndoBlockCopy) throws(BatchError) -> Void) throws(BatchError) {
        for block in blocks { try body(block) }
    }
}

/// Writes the copies of a series, on whatever thread: all that it needs was read before, and it has a connection of its own.
private struct SeriesWriter: @unchecked Sendable {
    struct Copies: Sendable {
        let file: BakFile
        let commit: CommitID
    }

    let points: [WaitingPoint]
    let base: String?
    let heads: SignedAuditHeads?
    let git: GitStore
    let text: PointText
    let path: String
    let backups: String
    let branch: String
    let tags: String
    let ledger: String?
    let tenantColumn: String?
    let reach: @Sendable (String) -> Void

    func write() throws(BatchError) -> [Copies] {
        // The changes say all; this is for what a copy may ask of the schema.
        let source = try Connection(path: path, mode: .readOnly)
        let files = try writeDeltas(source)
        reach("series-copied")
        var contents: [PointContent] = []
        for (waiting, file) in zip(points, files) {
            let message = text.message(
                waiting.point, waiting.batch, changes: waiting.counts, snapshot: file,
                digest: waiting.after.digest.combined, heads: heads)
            contents.append(
                PointContent(
                    branch: branch, tag: tags + "\(waiting.batch.batch)", message: message, state: waiting.after,
                    rows: .changes(waiting.changes, before: waiting.before), undoLog: waiting.changes,
                    tenantColumn: tenantColumn))
        }
        let commits = try git.commit(series: contents, connection: source)
        reach("series-committed")
        return zip(files, commits).map { Copies(file: $0, commit: $1) }
    }

    private func writeDeltas(_ source: Connection) throws(BatchError) -> [BakFile] {
        let bak = BakStore(folder: backups)
        var base = base
        var files: [BakStore.Unpublished] = []
        for waiting in points {
            let label = BakStore.Label(
                batch: waiting.batch.batch.description, database: branch, ledger: ledger, base: base,
                time: Timestamp(iso8601: waiting.point.createdAt) ?? text.context.now())
            let before = DatabaseState(
                settings: waiting.after.settings, objects: waiting.after.objects, digest: waiting.before)
            let written = try bak.prepareDelta(
                label, changes: waiting.changes, before: before, after: waiting.after, source: source)
            files.append(written)
            base = written.file.name
        }
        try bak.publish(files)
        return files.map(\.file)
    }
}

internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// A restore point that waits for those of the batches behind it, so that they are written together.
struct WaitingPoint {
    var point: PointRecord
    let batch: BatchRecord
    /// As the batch left it: what comes later changes nothing of it.
    let content: PointSource.Content

    /// Nil when the point has to be made from the rows as they are now, or is too large to wait.
    init?(_ point: PointRecord, _ batch: BatchRecord, _ content: PointSource.Content) {
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
        self.content = content
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
            return WaitingPoint(point, batch, content)
        }
    }

    /// Writes both copies of the points of batches that follow each other: each its own `.bak` and commit, all with one
    /// wait for the disk.
    func complete(series: [WaitingPoint]) throws(BatchError) {
        var series = series
        let heads = signedHeads()
        let files = try writeDeltas(&series)
        session.context.reach("series-copied")
        var contents: [PointContent] = []
        for (waiting, file) in zip(series, files) {
            let digest = waiting.content.after.digest.combined
            let message = text.message(
                waiting.point, waiting.batch, changes: waiting.content.counts, snapshot: file, digest: digest,
                heads: heads)
            contents.append(
                PointContent(
                    branch: session.branch, tag: session.home.tags + "\(waiting.batch.batch)", message: message,
                    state: waiting.content.after,
                    rows: .changes(waiting.content.changes, before: waiting.content.before),
                    undoLog: waiting.content.changes, tenantColumn: session.database.tenantColumn))
        }
        let commits = try git.commit(series: contents, connection: session.connection)
        session.context.reach("series-committed")
        try session.connection.transaction { () throws(BatchError) in
            for (index, commit) in commits.enumerated() {
                series[index].point.commit = commit.description
                series[index].point.digest = series[index].content.after.digest.combined
                series[index].point.status = .complete
                try ledger.save(&series[index].point)
            }
        }
        for waiting in series {
            session.context.log.write(
                .info, "point.written", "commit \(waiting.point.commit?.prefix(10) ?? "-")", module: .points,
                batch: Log.Batch(waiting.batch))
        }
    }

    private func writeDeltas(_ series: inout [WaitingPoint]) throws(BatchError) -> [BakFile] {
        let bak = BakStore(folder: session.backups)
        let ledgerID = try session.databaseID
        var base = try ledger.lastPoint(where: "bak IS NOT NULL AND status = 'complete'")?.bak
        var files: [BakStore.Unpublished] = []
        for (index, waiting) in series.enumerated() {
            let (point, content) = (waiting.point, waiting.content)
            let label = BakStore.Label(
                batch: waiting.batch.batch.description, database: session.branch, ledger: ledgerID, base: base,
                time: Timestamp(iso8601: point.createdAt) ?? session.context.now())
            let before = DatabaseState(
                settings: content.after.settings, objects: content.after.objects, digest: content.before)
            let written = try bak.prepareDelta(
                label, changes: content.changes, before: before, after: content.after, source: session.connection)
            files.append(written)
            base = written.file.name
            series[index].point.bak = written.file.name
            series[index].point.bakKind = .delta
            series[index].point.bakSHA256 = written.file.sha256
        }
        try bak.publish(files)
        return files.map(\.file)
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

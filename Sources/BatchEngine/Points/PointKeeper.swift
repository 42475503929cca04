internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Writes restore points, both copies, and completes those that a crash left pending.
struct PointKeeper {
    let session: Session

    var ledger: Ledger { session.ledger }
    var git: GitStore { session.git }
    var text: PointText { PointText(branch: session.branch, context: session.context) }

    // MARK: Before a batch

    /// Commits what changed outside any batch, as far as it differs from the last point.
    /// - Parameter version: `Connection.dataVersion` before the state was looked at.
    func writeDrift(_ state: StateDigest, since version: Int64) throws(BatchError) {
        try session.connection.transaction { () throws(BatchError) in
            try ledger.setState(state)
            try intend(.drift)
            try ledger.audit("drift", batch: nil, outcome: "kept", details: [:], context: session.context)
        }
        session.context.reach("drift-intended")
        try completePending(since: version)
    }

    /// Notes that a point is to be written; the caller's transaction makes it so.
    func intend(_ kind: BatchRecord.Kind) throws(BatchError) {
        let last = try ledger.connection.value("SELECT max(id) FROM main.batchmgr_checkpoints")?.integer ?? 0
        var point = PointRecord(
            batch: 0, kind: kind, lastCheckpoint: last, createdAt: session.context.now().iso8601)
        try ledger.save(&point)
        try ledger.noteWholePoint(after: last)
    }

    // MARK: After a batch

    /// Completes what is pending of a batch that is committed.
    /// - Returns: a warning when that cannot be done now. The work is done: a script that took this for a failure would
    ///   do it again.
    func finish(_ batch: BatchRecord, since version: Int64?) -> Warning? {
        do throws(BatchError) {
            try completePending(since: version)
            return nil
        } catch { return leave(batch, because: error) }
    }

    /// Notes that a restore point is left to the next command.
    func leave(_ batch: BatchRecord, because error: BatchError) -> Warning {
        try? ledger.audit(
            "restore point", batch: batch, outcome: "pending", details: ["code": .string(error.code.rawValue)],
            context: session.context)
        return Warning(
            .pendingPoint,
            "\(batch.batch) is committed, do not run it again; its restore point is pending: \(error.message); the next command completes it"
        )
    }

    /// Completes every pending point, the oldest first.
    /// - Parameter version: as for `complete`.
    func completePending(since version: Int64? = nil) throws(BatchError) {
        try adoptWritten(try ledger.points(where: "status = 'pending'"))
        for var point in try ledger.points(where: "status = 'pending'") {
            if point.batch > 0 {
                guard let batch = try ledger.batch(seq: point.batch), batch.status != .running else { continue }
                let last = try ledger.checkpoints(of: batch.seq).last?.id ?? 0
                if last == 0 {
                    try session.connection.transaction { () throws(BatchError) in try ledger.removePoint(point.id) }
                    continue
                }
                point.lastCheckpoint = max(point.lastCheckpoint, last)
            }
            try complete(&point, since: version)
        }
    }

    /// Writes what is missing of both copies, and says so in the ledger.
    ///
    /// A point is made from the rows that the batch left. When another program has changed them before the point was
    /// written, nothing tells any more what they were: then there is no such point, and the change is drift.
    /// - Parameter version: `Connection.dataVersion` before the batch, so that changes of others since are noticed at
    ///   no cost; nil when it is not known.
    /// - Returns: false when the point cannot be written any more; it is removed then, and the audit says so.
    @discardableResult
    func complete(_ point: inout PointRecord, since version: Int64?) throws(BatchError) -> Bool {
        let batch = point.batch > 0 ? try ledger.batch(seq: point.batch) : nil
        let last = try ledger.lastPoint(where: "status = 'complete'")
        session.context.phase("writing the \(last == nil ? "first " : "")restore point")
        if batch == nil, try !ledger.checkpoints(where: "id > ?", [.integer(point.lastCheckpoint)]).isEmpty {
            return try completeEarlier(&point)
        }
        if let batch, try isOvertaken(point, batch) { return try completeElsewhere(&point, batch) }
        // What the batch has filled for writing is of no use for the point.
        try session.connection.limitPageCache(to: Connection.smallPageCache)
        var beside = try writeBesideOthers(&point, batch, since: version)
        if beside == nil, batch == nil { beside = try writeFromCopy(&point, since: version) }
        var isWritten = beside ?? false
        if beside == nil {
            do throws(BatchError) {
                isWritten = try writeAlone(&point, batch, since: version)
            } catch {
                guard let batch, error.code == .conflict else { throw error }
                return try lose(&point, batch)
            }
        }
        if !isWritten { point = PointRecord(batch: 0, kind: point.kind, lastCheckpoint: 0, createdAt: point.createdAt) }
        session.context.log.write(
            isWritten ? .info : .warn, isWritten ? "point.written" : "point.lost",
            isWritten ? "commit \(point.commit?.prefix(10) ?? "-")" : "the rows were changed before it was written",
            module: .points, batch: batch.map { Log.Batch($0, in: session) })
        session.context.reach("point-complete")
        return isWritten
    }

    /// Writes the point while others write: a WAL database goes on showing a reader what it showed when it began. They
    /// wait for the lock twice, for a moment each.
    /// - Returns: false when the point is lost; nil when it has to be written under the lock.
    private func writeBesideOthers(
        _ point: inout PointRecord, _ batch: BatchRecord?, since version: Int64?
    ) throws(BatchError) -> Bool? {
        let connection = session.connection
        guard try readsOnly(point, batch) else { return nil }
        var heads: SignedAuditHeads?
        var seen: Int64 = 0
        let isHeld = try connection.transaction { () throws(BatchError) -> Bool in
            guard try stillShows(point, batch, since: version) else { return false }
            heads = signedHeads()
            seen = connection.dataVersion
            return true
        }
        guard isHeld else { return false }
        try connection.execute("BEGIN")
        defer { connection.rollbackIfOpen() }
        // Whoever came in between has changed what the point is made from.
        guard connection.dataVersion == seen else { return nil }
        session.context.reach("point-reading")
        let file = try write(&point, batch, heads)
        try connection.execute("COMMIT")
        try connection.transaction { () throws(BatchError) in try save(&point, file) }
        return true
    }

    /// Writes a point of all rows in rollback-journal mode, where nobody could write as long as they are read: from a
    /// copy of the database, which is made in steps.
    /// - Returns: nil when it has to be written under the lock.
    private func writeFromCopy(_ point: inout PointRecord, since version: Int64?) throws(BatchError) -> Bool? {
        let connection = session.connection
        guard !session.writesPointsAlone, try !session.isWAL() else { return nil }
        let scratch = try ScratchFolder(in: session.backups)
        let copy = try Connection(path: scratch.file("point.db"), mode: .create)
        copy.tolerateUnknownCollations()
        try copy.execute("PRAGMA synchronous = OFF")
        var heads: SignedAuditHeads?
        var found: (content: PointSource.Content, seen: Int64)?
        let source = PointSource(session: session, point: point, batch: nil)
        try connection.transaction { () throws(BatchError) in
            guard try stillShows(point, nil, since: version) else { return }
            heads = signedHeads()
            found = (try source.read(), connection.dataVersion)
        }
        guard let found else { return false }
        let reader = try Connection(path: session.path, mode: .readOnly)
        guard try reader.backup(inStepsTo: copy), connection.dataVersion == found.seen else { return nil }
        session.context.reach("point-copied")
        try copy.execute("BEGIN")
        let message = message(point, nil, found.content, nil, heads)
        point.commit = try commit(
            found.content, message, tag: nil, snapshot: BackgroundTask(), from: copy
        ).description
        session.context.reach("commit-written")
        point.digest = found.content.after.digest.combined
        try connection.transaction { () throws(BatchError) in try save(&point, nil) }
        return true
    }

    private func message(
        _ point: PointRecord, _ batch: BatchRecord?, _ content: PointSource.Content, _ snapshot: BakFile?,
        _ heads: SignedAuditHeads?
    ) -> PointMessage {
        text.message(
            point, batch, changes: content.counts, snapshot: snapshot, digest: content.after.digest.combined,
            heads: heads)
    }

    private func writeAlone(
        _ point: inout PointRecord, _ batch: BatchRecord?, since version: Int64?
    ) throws(BatchError) -> Bool {
        try session.connection.transaction { () throws(BatchError) -> Bool in
            guard try stillShows(point, batch, since: version) else { return false }
            try save(&point, try write(&point, batch, signedHeads()))
            return true
        }
    }

    /// True when nothing is written to the database for the point but the note that it is there, and when all that it is
    /// made from is read through one connection.
    private func readsOnly(_ point: PointRecord, _ batch: BatchRecord?) throws(BatchError) -> Bool {
        guard !session.writesPointsAlone, try session.isWAL() else { return false }
        if let batch, point.bakKind != .full {
            guard !batch.hasSchemaChange,
                try !ledger.mayBeRenumbered(since: ledger.checkpoints(of: batch.seq).map(\.id)),
                try ledger.lastPoint(where: "bak IS NOT NULL AND status = 'complete'") != nil
            else { return false }
        }
        // The rowid that columns hide is named for a moment.
        return try SchemaReader(session.connection).tables().allSatisfy { $0.key != .rowid(alias: nil) }
    }

    private func stillShows(
        _ point: PointRecord, _ batch: BatchRecord?, since version: Int64?
    ) throws(BatchError) -> Bool {
        if let version, version == session.connection.dataVersion { return true }
        return try hold(PointSource(session: session, point: point, batch: batch), batch)
    }

    /// Writes both copies.
    private func write(
        _ point: inout PointRecord, _ batch: BatchRecord?, _ heads: SignedAuditHeads?
    ) throws(BatchError) -> BakFile? {
        let content = try PointSource(session: session, point: point, batch: batch).read()
        var file: BakFile?
        var pending = BackgroundTask()
        if let batch { (file, pending) = try PointCopies(session: session).write(&point, batch, content) }
        session.context.reach("bak-written")
        let message = message(point, batch, content, file, heads)
        // A batch of a host may be rolled back already, and may come back with an undo of that.
        let tag = batch.flatMap {
            [.committed, .rolledBack].contains($0.status) || $0.kind == .rollback
                ? session.home.tags + "\($0.batch)" : nil
        }
        point.commit = try commit(content, message, tag: tag, snapshot: pending, from: session.connection).description
        session.context.reach("commit-written")
        point.digest = content.after.digest.combined
        return file
    }

    /// Notes that the point is there.
    private func save(_ point: inout PointRecord, _ file: BakFile?) throws(BatchError) {
        if let file, let xxh3 = file.xxh3 { try ledger.note(xxh3: xxh3, ofFile: file.sha256) }
        point.status = .complete
        try ledger.save(&point)
    }

    /// A point is worth more than its signature: a key that cannot be used does not keep it from being written. `audit
    /// verify` then names a commit without heads.
    func signedHeads() -> SignedAuditHeads? {
        do throws(BatchError) {
            return try AuditTrail.twice { () throws(BatchError) in try AuditTrail.heads(session) }
        } catch {
            session.context.log.write(
                .error, "audit.unsigned", "the heads of the audit could not be signed: \(error.logMessage)",
                module: .audit, error: error)
            return nil
        }
    }

    /// Makes sure that the database still shows what the point is made from: a whole point is made from what there is,
    /// one of a batch is given up when it has changed.
    private func hold(_ source: PointSource, _ batch: BatchRecord?) throws(BatchError) -> Bool {
        guard let batch else {
            try ledger.setState(try StateDigest.compute(session.connection))
            return true
        }
        guard let drifted = try source.driftedTable() else { return true }
        try ledger.removePoint(source.point.id)
        try ledger.audit(
            "restore point", batch: batch, outcome: "lost",
            details: ["table": .string(drifted), "because": "changed outside any batch before the point was written"],
            context: session.context)
        return false
    }

    /// Shows how many rows of a point are written.
    private func counter(of rows: PointContent.Rows, _ content: PointSource.Content) -> RowCounter {
        let context = session.context
        switch rows {
        case .all:
            let total = content.after.digest.tables.values.reduce(0) { $0 + Int($1.rows) }
            return RowCounter { context.phase("writing all rows of the restore point", $0, of: total) }
        case .changes:
            let total = content.counts.reduce(0) { $0 + $1.rows.total }
            return RowCounter { context.phase("writing the changed rows of the restore point", $0, of: total) }
        }
    }

    private static let changedSince = BatchError(
        .conflict, "rows were changed outside any batch before their restore point was written",
        hint: "see them: \(command: "drift show")")

    /// Falls back to a commit of all rows when git does not have the state that the batch began from: the repository
    /// was lost or damaged, or is older than the ledger.
    private func commit(
        _ content: PointSource.Content, _ message: PointMessage, tag: String?, snapshot: BackgroundTask<Void>,
        from connection: Connection
    ) throws(BatchError) -> CommitID {
        func point(_ rows: PointContent.Rows) -> PointContent {
            var point = PointContent(
                branch: session.branch, tag: tag, message: message, state: content.after, rows: rows,
                undoLog: content.isWhole ? nil : content.changes, tenantColumn: session.database.tenantColumn)
            point.counter = counter(of: rows, content)
            return point
        }
        if content.isWhole || content.isRenumbered {
            return try git.commit(point(.all), connection: connection, snapshot: snapshot)
        }
        do throws(BatchError) {
            return try git.commit(
                point(.changes(content.changes, before: content.before)), connection: connection, snapshot: snapshot)
        } catch {
            guard error.code == .schemaChanged || error.code == .corruptRecord else { throw error }
            guard try StateDigest.compute(connection).holdsSameRows(as: content.after.digest) else {
                throw PointKeeper.changedSince
            }
            return try git.commit(
                point(.all), connection: connection, snapshot: snapshot, isRenewing: error.code == .corruptRecord)
        }
    }
}

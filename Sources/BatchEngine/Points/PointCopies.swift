internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Makes the `.bak` of restore points: a copy of the database before its batch, or what the batch changed.
struct PointCopies {
    let session: Session

    private var ledger: Ledger { session.ledger }
    private var bak: BakStore { BakStore(folder: session.backups) }

    // MARK: Before a batch

    /// Copies the database as it is, for the batch that follows. The caller holds the write lock.
    func writeFull(
        _ batch: BatchID, at time: Timestamp, before: DatabaseState, isPatient: Bool = false
    ) throws(BatchError) -> BakFile {
        let reader = try Connection(path: session.path, mode: .readOnly)
        session.context.phase("copying the database before \(batch)")
        return try bak.writeFull(
            try label(batch.description, time, isFirst: ledger.mayBeRenumbered()), from: reader, before: before,
            isPatient: isPatient)
    }

    /// The same, for a point that is to be written: it names the copy from then on. Nothing where a delta is enough.
    /// - Parameter early: made before the lock was taken; of no use when somebody wrote since.
    func writeFull(_ batch: BatchID, for point: inout PointRecord, early: EarlyCopy? = nil) throws(BatchError) {
        guard point.bakKind == .full else { return }
        let file: BakFile
        if let early, early.version == session.connection.dataVersion {
            file = early.file
        } else {
            if let early { Folder.remove(early.file.path) }
            let before = try DatabaseState.read(session.connection, digest: ledger.state())
            let time = Timestamp(iso8601: point.createdAt) ?? session.context.now()
            file = try writeFull(batch, at: time, before: before)
        }
        point.bak = file.name
        point.bakSHA256 = file.sha256
        // Of no use before the batch is committed.
        UnfinishedFiles.add("\(session.backups)/\(file.name)")
    }

    /// The copy stays, or is gone already, whatever ends the process now.
    func keep(of point: PointRecord) {
        if let name = point.bak { UnfinishedFiles.forget("\(session.backups)/\(name)") }
    }

    /// A copy of the database made while others may write.
    struct EarlyCopy {
        let file: BakFile
        /// `Connection.dataVersion` of what it shows.
        let version: Int64
    }

    /// Copies the database before the lock is taken, so that nobody waits for that. A WAL database lets others write
    /// meanwhile, any other does so between the steps of the copy. When they do each time, the copy is made under the
    /// lock.
    /// - Parameter keepDrift: called when somebody has written, before the next copy is made.
    func copyEarly(
        _ batch: BatchID, at time: Timestamp, keepDrift: () throws(BatchError) -> Void
    ) throws(BatchError) -> EarlyCopy? {
        let isPatient = try !session.isWAL()
        for _ in 0..<2 {
            let version = session.connection.dataVersion
            let before = try DatabaseState.read(session.connection, digest: ledger.state())
            let file: BakFile
            do throws(BatchError) {
                file = try writeFull(batch, at: time, before: before, isPatient: isPatient)
            } catch  where isPatient && error.code == .busy {
                return nil
            }
            session.context.reach("copied-early")
            if version == session.connection.dataVersion { return EarlyCopy(file: file, version: version) }
            Folder.remove(file.path)
            try keepDrift()
        }
        return nil
    }

    /// - Parameter isFirst: its rows may have other numbers than the files before say: it does not follow them.
    private func label(_ batch: String, _ time: Timestamp, isFirst: Bool) throws(BatchError) -> BakStore.Label {
        let base = isFirst ? nil : try ledger.lastPoint(where: "bak IS NOT NULL AND status = 'complete'")?.bak
        return BakStore.Label(
            batch: batch, database: session.branch, ledger: try session.databaseID, base: base, time: time)
    }

    // MARK: After a batch

    /// Writes the `.bak` of a point, and says so in it.
    func write(
        _ point: inout PointRecord, _ batch: BatchRecord, _ content: PointSource.Content
    ) throws(BatchError) -> (BakFile?, BackgroundTask<Void>) {
        let time = Timestamp(iso8601: point.createdAt) ?? session.context.now()
        let label = try label(batch.batch.description, time, isFirst: content.isRenumbered)
        let written: BakFile
        var pending = BackgroundTask()
        // A crash may have come between the file and our note of it. Written again, its SHA-256 would be another than
        // the one that the commit names.
        if let done = try bak.finished(point.bak ?? label.fileName, leadingTo: content.after.digest.combined) {
            written = done
        } else if point.bakKind == .full, let name = point.bak {
            guard let full = try completeFull(name, point, label, content, batch) else {
                (point.bak, point.bakKind, point.bakSHA256) = (nil, nil, nil)
                return (nil, pending)
            }
            written = full
        } else if let first = try writeFirst(label, content, batch) {
            written = first
        } else {
            (written, pending) = try bak.writeDelta(
                label, changes: content.changes, before: before(content, batch, label), after: content.after,
                source: session.connection)
        }
        point.bak = written.name
        point.bakKind = written.kind == .full ? .full : .delta
        point.bakSHA256 = written.sha256
        return (written, pending)
    }

    /// Appends to the whole copy what its batch changed. A copy that is gone or damaged is made again from the ledger;
    /// where that is not possible the point is kept in git alone: a copy never keeps the database from being used.
    /// - Returns: nil when there will be no `.bak` of this point.
    private func completeFull(
        _ name: String, _ point: PointRecord, _ label: BakStore.Label, _ content: PointSource.Content,
        _ batch: BatchRecord
    ) throws(BatchError) -> BakFile? {
        let full = BakFile(path: "\(session.backups)/\(name)", kind: .full, sha256: point.bakSHA256 ?? "")
        do throws(BatchError) {
            return try bak.complete(
                full, with: content.changes, before: try bak.state(before: full), after: content.after,
                source: session.connection)
        } catch {
            guard [.corruptRecord, .corruptDatabase, .notADatabase, .fileMissing, .sql].contains(error.code) else {
                throw error
            }
            let made = try copyAgain(label, content, because: error)
            if made?.name != name { Folder.remove(full.path) }
            return made
        }
    }

    private func copyAgain(
        _ label: BakStore.Label, _ content: PointSource.Content, because lost: BatchError
    ) throws(BatchError) -> BakFile? {
        var made: BakFile?
        do throws(BatchError) {
            made = try wholeCopy(label, content)
        } catch {
            guard [.conflict, .schemaChanged, .corruptRecord].contains(error.code) else { throw error }
        }
        let ending = made == nil ? "the point is kept in git alone" : "it was made again"
        session.context.log.write(
            .warn, "point.copy", "\(lost.logMessage): \(ending)", module: .points, error: lost, warning: .recordNotUsed)
        session.context.warn(
            Warning(.recordNotUsed, "\(lost.message): \(ending)"), "see what there is: \(command: "points")")
        return made
    }

    private func wholeCopy(_ label: BakStore.Label, _ content: PointSource.Content) throws(BatchError) -> BakFile? {
        guard let first = content.checkpoints.first else { return nil }
        let earlier = try EarlierState(session, after: first - 1)
        let full = try bak.writeFull(label, from: earlier.connection, before: earlier.state)
        return try bak.complete(
            full, with: content.changes, before: earlier.state, after: content.after, source: session.connection)
    }

    /// The state that a delta leads from. The ledger does not keep what the schema was: where the batch changed it, the
    /// `.bak` before tells.
    private func before(
        _ content: PointSource.Content, _ batch: BatchRecord, _ label: BakStore.Label
    ) -> DatabaseState {
        if batch.hasSchemaChange, let base = label.base, let last = try? bak.state(after: base),
            last.digest.holdsSameRows(as: content.before)
        {
            return last
        }
        return DatabaseState(
            settings: content.after.settings, objects: content.after.objects, digest: content.before)
    }

    /// The whole copy that a chain of deltas begins with, when no batch of the tool has made one, and that of a batch
    /// which changed the schema: a delta holds one schema.
    private func writeFirst(
        _ label: BakStore.Label, _ content: PointSource.Content, _ batch: BatchRecord
    ) throws(BatchError) -> BakFile? {
        guard label.base == nil || batch.hasSchemaChange else { return nil }
        do throws(BatchError) {
            return try wholeCopy(label, content)
        } catch {
            guard error.code == .conflict || error.code == .schemaChanged else { throw error }
            return nil
        }
    }
}

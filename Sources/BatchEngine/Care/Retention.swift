internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Lets go of what `keep:` does not keep, after a run, in time for what goes. The caller has the lease.
struct Retention {
    let session: Session
    let policy: KeepPolicy

    /// Batches whose undo log goes at once, at most: the rest goes with the next runs.
    private static let mostLogs = 50
    /// The last checkpoint that was looked at, in the ledger.
    private static let placeKey = "keep_undo_place"
    private static let dayKey = "keep_reports_day"

    private var ledger: Ledger { session.ledger }

    /// What cannot go now goes later: a run is no less done for it.
    func apply() -> KeepReport {
        var report = KeepReport()
        do throws(BatchError) {
            report = try Pruning(session).letGo(policy.bak)
            if let life = policy.undo { try thin(olderThan: before(life), &report) }
            if let life = policy.reports { try removeReports(olderThan: before(life), &report) }
            guard !report.isEmpty else { return report }
            try ledger.audit(
                "keep", batch: nil, outcome: "removed", details: report.json, context: session.context.shared)
            session.context.log.write(.info, "keep.removed", "removed: \(report.words)", module: .command)
        } catch {
            session.context.log.write(
                .warn, "keep.failed", "what keep: lets go could not be removed: \(error.logMessage)",
                module: .command,
                error: error)
        }
        return report
    }

    private func before(_ life: Duration) -> Timestamp {
        Timestamp(milliseconds: session.context.now().milliseconds - life.wholeMilliseconds)
    }

    // MARK: Undo logs of old batches

    private func thin(olderThan cutoff: Timestamp, _ report: inout KeepReport) throws(BatchError) {
        let place = try ledger.meta(Retention.placeKey).flatMap { Int64($0) } ?? 0
        let old = try ledger.checkpoints(
            where: """
                id IN (SELECT id FROM main.batchmgr_checkpoints WHERE id > ? AND committed_at < ? ORDER BY id \
                LIMIT \(Retention.mostLogs))
                """,
            [.integer(place), .string(cutoff.iso8601)])
        guard let last = old.last?.id else { return }
        let logs = UndoLogThinning(session: session)
        for batch in Set(old.map(\.batch)).sorted() { try logs.thin(batch, olderThan: cutoff, &report) }
        try ledger.setMeta(Retention.placeKey, "\(last)")
    }

    // MARK: Reports and logs

    /// Once a day: the folder may hold many.
    private func removeReports(olderThan cutoff: Timestamp, _ report: inout KeepReport) throws(BatchError) {
        let today = String(session.context.now().iso8601.prefix(10))
        if try ledger.meta(Retention.dayKey) == today { return }
        try OldReports(session: session).remove(olderThan: cutoff, &report)
        try ledger.setMeta(Retention.dayKey, today)
    }
}

extension Session {
    /// Removes what `keep:` does not keep. Call it with the lease, when the restore point of the work is written.
    func letGo() -> KeepReport? {
        guard context.letsGo, !isStandIn, tenant == nil || database.tenancy == .file else { return nil }
        let report = Retention(session: self, policy: workspace.keep).apply()
        return report.isEmpty ? nil : report
    }
}

/// Takes undo logs out of the database where the restore points of a batch lead back over it.
struct UndoLogThinning {
    let session: Session

    private var ledger: Ledger { session.ledger }

    /// Without looking into the commits.
    func mayGo(_ batch: BatchRecord) throws(BatchError) -> Bool {
        guard batch.status != .running, batch.status != .stopped,
            let last = try ledger.checkpoints(of: batch.seq).last?.id, try !ledger.isThinned(batch: batch.seq)
        else { return false }
        let points = try ledger.points(where: "batch = ?", [.integer(batch.seq)])
        return points.contains { $0.lastCheckpoint >= last }
            && points.allSatisfy { $0.status == .complete && $0.commit != nil }
    }

    /// - Parameter cutoff: nothing younger goes; nil: whatever its age.
    func thin(_ batch: Int64, olderThan cutoff: Timestamp?, _ report: inout KeepReport) throws(BatchError) {
        guard let record = try ledger.batch(seq: batch), record.status != .running, record.status != .stopped else {
            return
        }
        let checkpoints = try ledger.checkpoints(of: batch)
        if let cutoff, checkpoints.contains(where: { $0.committedAt >= cutoff.iso8601 }) { return }
        guard try leadBack(over: batch, checkpoints) else { return }
        let freed = try session.connection.transaction { () throws(BatchError) in
            var freed: Int64 = 0
            for checkpoint in checkpoints { freed += try ledger.thinUndoLog(of: checkpoint.id) }
            return freed
        }
        if freed > 0 {
            report.undoLogs += 1
            report.databaseBytes += freed
        }
    }

    /// True when every checkpoint is covered by a commit whose changes can be read to the last row.
    private func leadBack(over batch: Int64, _ checkpoints: [CheckpointRecord]) throws(BatchError) -> Bool {
        let points = try ledger.points(where: "batch = ?", [.integer(batch)])
        guard let last = checkpoints.last?.id, points.contains(where: { $0.lastCheckpoint >= last }) else {
            return false
        }
        for point in points where try !leadsBack(point) { return false }
        return true
    }

    private func leadsBack(_ point: PointRecord) throws(BatchError) -> Bool {
        guard point.status == .complete, let commit = point.commit.flatMap({ CommitID($0) }) else { return false }
        do throws(BatchError) {
            let changes = try session.git.changes(of: commit)
            guard changes.after.digest.combined == point.digest else { return false }
            let tables = Set(changes.before.digest.tables.keys).union(changes.after.digest.tables.keys)
            for table in tables where try changes.touches(table) { try changes.forEachChange(of: table) { _ in } }
            return true
        } catch {
            guard error.code != .diskFull, error.code != .stopped else { throw error }
            return false
        }
    }
}

/// Reports and logs of rollbacks, by the time in their names. Plans stay: their rows name them.
struct OldReports {
    let session: Session

    func remove(olderThan cutoff: Timestamp, _ report: inout KeepReport) throws(BatchError) {
        for file in try files(olderThan: cutoff) {
            report.fileBytes += DatabaseFile(file).size
            report.reports += 1
            Folder.remove(file)
        }
    }

    func files(olderThan cutoff: Timestamp) throws(BatchError) -> [String] {
        let folder = session.backups
        var old: [String] = []
        for (place, isOurs) in [(folder + "/reports", { _ in true }), (folder, { OldReports.isLog($0) })]
            as [(String, (String) -> Bool)]
        {
            guard Folder.exists(place) else { continue }
            for name in try Folder.names(in: place) where isOurs(name) && !name.hasPrefix("plan_") {
                guard let time = OldReports.time(in: name), time < cutoff.compact else { continue }
                old.append("\(place)/\(name)")
            }
        }
        return old
    }

    private static func isLog(_ name: String) -> Bool { name.hasPrefix("rollback_") && name.hasSuffix(".log") }

    /// `rollback_reprice.1_20261121T063006.177Z.md` → `20261121T063006.177Z`
    static func time(in name: String) -> String? {
        guard let dot = name.lastIndex(of: "."), let line = name[..<dot].lastIndex(of: "_") else { return nil }
        let time = name[name.index(after: line)..<dot]
        let bytes = Array(time.utf8)
        guard bytes.count == 20, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "."),
            bytes.last == UInt8(ascii: "Z"),
            bytes[..<8].allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return String(time)
    }
}

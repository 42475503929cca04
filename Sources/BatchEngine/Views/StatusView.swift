internal import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

extension Session {
    /// `status`: the last batches, what is half done, what waits, what grows.
    public func status() throws(BatchError) -> StatusReport {
        try reading { () throws(BatchError) in try StatusView(session: self).report() }
    }
}

extension Session {
    /// The batches of which a part is done, with the later one of the same job that has done the work since.
    public func halfDone() throws(BatchError) -> [(batch: BatchID, overtaker: BatchID?)] {
        guard try ledger.exists() else { return [] }
        let stopped = try ledger.batches(
            where: "status IN ('stopped', 'failed') AND (?1 IS NULL OR tenant = ?1)", [.optional(owner)])
        var found: [(BatchID, BatchID?)] = []
        for batch in stopped where try ledger.checkpoints(of: batch.seq).contains(where: \.isLive) {
            found.append((batch.batch, try ledger.overtaker(of: batch)?.batch))
        }
        return found
    }
}

private struct StatusView {
    let session: Session

    private var ledger: Ledger { session.ledger }
    private static let mostBatches = 5

    func report() throws(BatchError) -> StatusReport {
        var report = StatusReport()
        report.sizes = try sizes()
        if let found = try? OlderCopy(session) { session.context.warn(Warning(.olderCopy, found.words), found.advice) }
        guard try ledger.exists() else { return report }
        let replays = try ledger.replays()
        report.batches = try ledger.batches(
            where: """
                seq IN (SELECT seq FROM main.batchmgr_batches WHERE ?1 IS NULL OR tenant = ?1 ORDER BY seq DESC \
                LIMIT \(StatusView.mostBatches))
                """, [.optional(session.owner)]
        ).reversed().map { BatchSummary($0, session.shownStatus(of: $0), replays) }
        for half in try session.halfDone() {
            report.halfDone.append(half.batch)
            report.overtaken[half.batch] = half.overtaker
        }
        report.pendingPoints = Int(
            try ledger.connection.value("SELECT count(*) FROM main.batchmgr_points WHERE status = 'pending'")?.integer
                ?? 0)
        report.oldestUnproven = try oldestUnproven()
        if Folder.exists(session.controlFolder + "/control.db") { try addShared(&report) }
        return report
    }

    private func addShared(_ report: inout StatusReport) throws(BatchError) {
        report.waiting = try PatchPlans(session).list().plans.filter {
            !$0.isExpired && ($0.status == .proposed || $0.status == .approved)
        }
        let now = session.context.now()
        report.switches = try session.control().switches().states
            .filter { $0.holds(at: now) && $0.value != $0.name.standard }.map(\.words)
    }

    /// A drill restores every point that there is.
    private func oldestUnproven() throws(BatchError) -> StatusReport.Point? {
        let proven = try session.lastDrill()
        let oldest = try ledger.points(
            where: """
                id = (SELECT min(id) FROM main.batchmgr_points WHERE status = 'complete' AND created_at > ?)
                """, [.string(proven)]
        ).first
        guard let oldest else { return nil }
        let batch = try ledger.batch(seq: oldest.batch)?.batch.description
        return .init(name: batch ?? oldest.kind.rawValue, createdAt: oldest.createdAt)
    }

    // MARK: Sizes

    private func sizes() throws(BatchError) -> [StatusReport.Size] {
        let keep = session.workspace.keep
        let bak = keep.bak
        let undo = "SELECT coalesce(sum(length(data)), 0) FROM main.batchmgr_undo"
        return [
            .init(name: "database", bytes: DatabaseFile(session.path).size),
            .init(
                name: "undo log in it",
                bytes: try ledger.exists() ? try session.connection.value(undo)?.integer ?? 0 : 0,
                kept: keep.undo.map { "\($0.text), then batches are undone from git" }),
            .init(
                name: ".bak files", bytes: try size(of: session.backups) { $0.hasSuffix(".bak") },
                kept: "last \(bak.last), daily \(bak.daily), weekly \(bak.weekly), monthly \(bak.monthly)"),
            .init(name: "git history", bytes: try size(of: session.git.path + "/objects/pack") { _ in true }),
            .init(
                name: "reports and logs",
                bytes: try size(of: session.backups + "/reports") { _ in true }
                    + size(of: session.backups) { $0.hasPrefix("rollback_") && $0.hasSuffix(".log") },
                kept: keep.reports?.text),
            .init(
                name: "control.db",
                bytes: ["", "-wal"].reduce(0) { $0 + DatabaseFile("\(session.controlFolder)/control.db\($1)").size }),
            .init(name: "log files", bytes: try size(of: session.controlFolder + "/logs") { _ in true }),
        ]
    }

    private func size(of folder: String, _ isMeant: (String) -> Bool) throws(BatchError) -> Int64 {
        guard Folder.exists(folder) else { return 0 }
        return try Folder.names(in: folder).filter(isMeant).reduce(0) { $0 + DatabaseFile("\(folder)/\($1)").size }
    }
}

extension Session {
    /// When the last drill ended that restored every point and found nothing wrong; empty when there was none.
    func lastDrill() throws(BatchError) -> String {
        guard try AuditTable(connection).exists() else { return "" }
        let sql = """
            SELECT at FROM main.batchmgr_audit WHERE action = 'drill' AND outcome = 'passed' \
            AND json_extract(details, '$.points') = json_extract(details, '$.of') ORDER BY seq DESC LIMIT 1
            """
        return try connection.value(sql)?.string ?? ""
    }
}

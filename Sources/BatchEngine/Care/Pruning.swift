public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Removes `.bak` files that a policy does not keep. Commits, undo logs and the rows of the ledger stay.
public struct Pruning {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    private var ledger: Ledger { session.ledger }
    private var store: BakStore { BakStore(folder: session.backups) }

    /// - Parameter confirm: asked with the plan before anything is removed; false: nothing is.
    public func perform(
        _ policy: RetentionPolicy, isDryRun: Bool, confirm: (PruneReport) throws(BatchError) -> Bool
    ) throws(BatchError) -> PruneReport {
        try session.requireOperator("prune")
        guard try ledger.exists() else { return PruneReport(points: [], isDryRun: isDryRun) }
        let turn = try session.plainTurn(for: LeaseWork("prune"))
        defer { withExtendedLifetime(turn) {} }
        let points = try ledger.points(where: "bak IS NOT NULL")
        let plan = PruneReport(points: try decide(policy, points), isDryRun: isDryRun)
        if isDryRun || plan.removed.isEmpty { return plan }
        guard try confirm(plan) else { return PruneReport(points: plan.points, isDryRun: true) }
        try remove(plan, points)
        return plan
    }

    /// The ledger forgets a file before it goes: a crash in between leaves a file too many, never one too few.
    private func remove(_ plan: PruneReport, _ points: [PointRecord]) throws(BatchError) {
        let names = Set(plan.removed.map(\.bak))
        try session.connection.transaction { () throws(BatchError) in
            for var point in points where names.contains(point.bak ?? "") {
                point.bak = nil
                point.bakKind = nil
                point.bakSHA256 = nil
                try ledger.save(&point)
            }
            try ledger.forgetFiles()
            try ledger.audit(
                session.context.action(or: "prune"), batch: nil, outcome: "removed",
                details: ["files": .array(names.sorted().map(JSONValue.string))], context: session.context)
        }
        session.context.reach("prune-noted")
        for name in names { Folder.remove("\(session.backups)/\(name)") }
    }

    // MARK: Decision

    private func decide(_ policy: RetentionPolicy, _ points: [PointRecord]) throws(BatchError) -> [PruneReport.Point] {
        let ofPoints = "seq IN (SELECT batch FROM main.batchmgr_points WHERE bak IS NOT NULL)"
        let batches = Dictionary(try ledger.batches(where: ofPoints).map { ($0.seq, $0) }) { first, _ in first }
        // Those of batches say no more than the ledger does.
        let tags = (try? session.git.tags(except: "batch/")) ?? [:]
        var reasons = policy.reasons(
            for: points.map { point in
                var names = Set(point.commit.flatMap { CommitID($0) }.flatMap { tags[$0] } ?? [])
                if let batch = batches[point.batch]?.batch { names.formUnion([batch.description, batch.job]) }
                return .init(time: Timestamp(iso8601: point.createdAt) ?? session.context.now(), names: names)
            })
        for (index, point) in points.enumerated() {
            if point.status != .complete { reasons[index].append("not complete yet") }
        }
        try addOnlyCopies(points, batches, &reasons)
        try addChains(points, batches, &reasons)
        return zip(points, reasons).map { point, why in
            let name = batches[point.batch]?.batch.description ?? point.kind.rawValue
            let bytes = DatabaseFile("\(session.backups)/\(point.bak ?? "")").size
            return .init(name: name, bak: point.bak ?? "", bytes: bytes, reasons: why)
        }
    }

    /// Without its `.bak` a batch is undone from the log or git, and restored from git: those must be there. Only what
    /// would go is looked at, and of a commit what it added to the one before.
    private func addOnlyCopies(
        _ points: [PointRecord], _ batches: [Int64: BatchRecord], _ reasons: inout [[String]]
    ) throws(BatchError) {
        let going = points.indices.filter { reasons[$0].isEmpty }
        let commits = going.compactMap { points[$0].commit.flatMap { CommitID($0) } }
        let damage = session.git.exists && !commits.isEmpty ? try session.git.damage(inChangesOf: commits) : [:]
        for index in going {
            guard session.git.exists, let commit = points[index].commit.flatMap({ CommitID($0) }),
                damage[commit] == nil
            else {
                reasons[index].append("its git copy is missing or damaged")
                continue
            }
            guard let batch = batches[points[index].batch] else { continue }
            do throws(BatchError) {
                for checkpoint in try ledger.checkpoints(of: batch.seq) where checkpoint.isLive {
                    _ = try ledger.verifyUndoLog(of: checkpoint)
                }
            } catch { reasons[index].append("the way back for \(batch.batch): its undo log is damaged") }
        }
    }

    /// A file that is kept needs those it follows. Where kept files suffice, no other is added.
    private func addChains(
        _ points: [PointRecord], _ batches: [Int64: BatchRecord], _ reasons: inout [[String]]
    ) throws(BatchError) {
        let files = try store.contents().files.filter(session.bakOwner.owns)
        for (index, point) in points.enumerated().reversed() where !reasons[index].isEmpty {
            guard let digest = point.digest else { continue }
            let kept = Set(zip(points, reasons).filter { !$0.1.isEmpty }.compactMap { $0.0.bak })
            let target = BakTarget(digest, file: point.bak, .after)
            let name = batches[point.batch]?.batch.description ?? point.kind.rawValue
            for file in store.chain(to: target, among: files, preferring: kept)
            where !kept.contains(file) {
                guard let other = points.firstIndex(where: { $0.bak == file }) else { continue }
                reasons[other].append("the way to \(name)")
            }
        }
    }
}

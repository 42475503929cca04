public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Removes `.bak` files that a policy does not keep, and the undo logs, reports and logs that are older than they need be.
/// Commits and the rows of the ledger stay.
public struct Pruning {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// Commits that were read and are whole: what a person agrees to is decided twice.
    private let whole = WholeCommits()

    private final class WholeCommits {
        var known: Set<CommitID> = []
    }

    private var ledger: Ledger { session.ledger }
    private var store: BakStore { BakStore(folder: session.backups) }

    /// What a person asks for.
    public struct Request: Hashable, Sendable {
        public var bak: RetentionPolicy
        /// Older undo logs leave the database; nil: those of points whose `.bak` goes.
        public var undo: Duration?
        public var reports: Duration?

        public init(bak: RetentionPolicy, undo: Duration? = nil, reports: Duration? = nil) {
            self.bak = bak
            self.undo = undo
            self.reports = reports
        }
    }

    /// - Parameter confirm: asked with the plan before anything is removed; false: nothing is. Nobody is kept from working
    ///   on the database while a person thinks.
    public func perform(
        _ request: Request, isDryRun: Bool, confirm: (PruneReport) throws(BatchError) -> Bool
    ) throws(BatchError) -> PruneReport {
        try session.requireOperator("prune")
        guard try ledger.exists() else { return PruneReport(points: [], isDryRun: isDryRun) }
        var plan = try self.plan(request)
        plan.isDryRun = isDryRun
        if isDryRun || plan.removed.isEmpty && plan.undoLogs.isEmpty && plan.reports.isEmpty { return plan }
        guard try confirm(plan) else {
            plan.isDryRun = true
            return plan
        }
        let turn = try session.plainTurn(for: LeaseWork("prune"))
        defer { withExtendedLifetime(turn) {} }
        // What was agreed to goes, as far as it may still go.
        let now = try self.plan(request)
        let agreed = Set(plan.removed.map(\.bak))
        var kept = KeepReport()
        let logs = UndoLogThinning(session: session)
        for (place, batch) in now.undoLogs.enumerated() where plan.undoLogs.contains(batch) {
            session.context.phase("taking undo logs out", place, of: now.undoLogs.count, "undo log")
            if let record = try ledger.batch(batch) { try logs.thin(record.seq, olderThan: nil, &kept) }
        }
        session.context.phase("removing files")
        if let cutoff = cutoff(request.reports) { try OldReports(session: session).remove(olderThan: cutoff, &kept) }
        try remove(
            Set(now.removed.map(\.bak)).intersection(agreed), action: session.context.action(or: "prune"), beside: kept)
        plan.freedInDatabase = kept.databaseBytes
        if kept.databaseBytes > 0 { plan.note = try shrink(kept.databaseBytes) }
        return plan
    }

    private func plan(_ request: Request) throws(BatchError) -> PruneReport {
        let points = try ledger.points(where: "bak IS NOT NULL")
        let (decided, wanted) = try decide(request.bak, points)
        var plan = PruneReport(points: decided, isDryRun: true)
        plan.undoLogs = try undoLogs(request, wanted)
        if let cutoff = cutoff(request.reports) {
            plan.reports = try OldReports(session: session).files(olderThan: cutoff)
        }
        return plan
    }

    private func cutoff(_ life: Duration?) -> Timestamp? {
        life.map { Timestamp(milliseconds: session.context.now().milliseconds - $0.wholeMilliseconds) }
    }

    /// Batches whose undo log would go: the older ones, or all whose points nobody wants to keep. None is younger than
    /// what `--keep-within` keeps, whether or not its point still has a `.bak`.
    private func undoLogs(_ request: Request, _ wanted: Set<String>) throws(BatchError) -> [BatchID] {
        let youth = cutoff(request.bak.within)
        if let cutoff = cutoff(request.undo) {
            let oldest = min(cutoff, youth ?? cutoff)
            return try withLog("finished_at < ?", [.string(oldest.iso8601)], besides: [])
        }
        if request.bak == .everything { return [] }
        let wanted = wanted.union(try wantedByPolicy(request.bak))
        let hasLog = """
            seq IN (SELECT c.batch FROM main.batchmgr_checkpoints c JOIN main.batchmgr_undo u ON u.checkpoint = c.id \
            WHERE length(u.data) > 0)
            """
        guard let youth else { return try withLog(hasLog, [], besides: wanted) }
        return try withLog(hasLog + " AND finished_at < ?", [.string(youth.iso8601)], besides: wanted)
    }

    /// What the policy keeps of all points: the `.bak` of some went before, by itself or for a stricter policy.
    private func wantedByPolicy(_ policy: RetentionPolicy) throws(BatchError) -> Set<String> {
        let points = try ledger.points()
        let batches = try ledger.names(of: Set(points.map(\.batch)))
        let reasons = policy.reasons(
            for: points.map { point in
                let batch = batches[point.batch]
                return .init(time: time(of: point), names: batch.map { [$0.description, $0.job] } ?? [])
            }, at: session.context.now())
        return Set(zip(points, reasons).filter { !$0.1.isEmpty }.compactMap { batches[$0.0.batch]?.description })
    }

    private func withLog(
        _ condition: String, _ parameters: [SQLValue], besides kept: Set<String>
    ) throws(BatchError) -> [BatchID] {
        let logs = UndoLogThinning(session: session)
        var found: [BatchID] = []
        for batch in try ledger.batches(where: condition, parameters)
        where !kept.contains(batch.batch.description) {
            if try logs.mayGo(batch) { found.append(batch.batch) }
        }
        return found
    }

    // MARK: By itself

    /// Removes what a policy does not keep, without asking. The caller has the lease.
    func letGo(_ policy: RetentionPolicy) throws(BatchError) -> KeepReport {
        var report = KeepReport()
        if policy == .everything { return report }
        let points = try ledger.points(where: "bak IS NOT NULL AND status = 'complete'")
        guard points.count > policy.last else { return report }
        var reasons = policy.reasons(for: points.map { RetentionPolicy.Point(time: time(of: $0), names: []) })
        guard reasons.contains(where: \.isEmpty) else { return report }
        // Without its file a point is restored from git alone.
        try addOnlyCopies(points, [:], &reasons)
        guard reasons.contains(where: \.isEmpty) else { return report }
        try addChains(points, [:], &reasons)
        let gone = zip(points, reasons).filter { $0.1.isEmpty }.compactMap(\.0.bak)
        for name in gone { report.fileBytes += DatabaseFile("\(session.backups)/\(name)").size }
        report.bakFiles = gone.count
        try remove(Set(gone), action: "keep")
        return report
    }

    private func time(of point: PointRecord) -> Timestamp {
        Timestamp(iso8601: point.createdAt) ?? session.context.now()
    }

    // MARK: Removing

    /// The ledger forgets a file before it goes: a crash in between leaves a file too many, never one too few.
    /// - Parameter kept: what went besides: the audit has one row for all of it.
    private func remove(
        _ names: Set<String>, action: String, beside kept: KeepReport = KeepReport()
    ) throws(BatchError) {
        if names.isEmpty && kept.isEmpty { return }
        try session.connection.transaction { () throws(BatchError) in
            for name in names {
                for var point in try ledger.points(where: "bak = ?", [.string(name)]) {
                    point.bak = nil
                    point.bakKind = nil
                    point.bakSHA256 = nil
                    try ledger.save(&point)
                }
            }
            try ledger.forgetFiles()
            try ledger.audit(
                action, batch: nil, outcome: "removed",
                details: [
                    "files": .array(names.sorted().map(JSONValue.string)), "undo_logs": JSONValue(kept.undoLogs),
                    "reports": JSONValue(kept.reports),
                ], context: session.context)
        }
        session.context.reach("prune-noted")
        for name in names { Folder.remove("\(session.backups)/\(name)") }
    }

    /// Gives the room that undo logs took back to the disk.
    /// - Returns: why not, in words.
    private func shrink(_ bytes: Int64) throws(BatchError) -> String? {
        guard bytes > DatabaseFile(session.path).size / 4 else { return nil }
        do throws(BatchError) {
            try DatabaseVacuum(session: session).perform()
            return nil
        } catch {
            guard error.code != .stopped else { throw error }
            return "the file keeps its size: \(error.message)"
        }
    }

    // MARK: Decision

    /// - Returns: what is said of each file, and the points that the policy itself keeps.
    private func decide(
        _ policy: RetentionPolicy, _ points: [PointRecord]
    ) throws(BatchError) -> ([PruneReport.Point], wanted: Set<String>) {
        let ofPoints = "seq IN (SELECT batch FROM main.batchmgr_points WHERE bak IS NOT NULL)"
        let batches = Dictionary(try ledger.batches(where: ofPoints).map { ($0.seq, $0) }) { first, _ in first }
        // Those of batches say no more than the ledger does.
        let tags = (try? session.git.tags(except: "batch/")) ?? [:]
        var reasons = policy.reasons(
            for: points.map { point in
                var names = Set(point.commit.flatMap { CommitID($0) }.flatMap { tags[$0] } ?? [])
                if let batch = batches[point.batch]?.batch { names.formUnion([batch.description, batch.job]) }
                return .init(time: time(of: point), names: names)
            }, at: session.context.now())
        func name(_ point: PointRecord) -> String { batches[point.batch]?.batch.description ?? point.kind.rawValue }
        let wanted = Set(zip(points, reasons).filter { !$0.1.isEmpty }.map { name($0.0) })
        for (index, point) in points.enumerated() {
            if point.status != .complete { reasons[index].append("not complete yet") }
        }
        try addOnlyCopies(points, batches, &reasons)
        try addChains(points, batches, &reasons)
        let decided = zip(points, reasons).map { point, why in
            let bytes = DatabaseFile("\(session.backups)/\(point.bak ?? "")").size
            return PruneReport.Point(name: name(point), bak: point.bak ?? "", bytes: bytes, reasons: why)
        }
        return (decided, wanted)
    }

    /// Without its `.bak` a batch is undone from the log or git, and restored from git: those must be there. Only what
    /// would go is looked at, and of a commit what it added to the one before.
    private func addOnlyCopies(
        _ points: [PointRecord], _ batches: [Int64: BatchRecord], _ reasons: inout [[String]]
    ) throws(BatchError) {
        let going = points.indices.filter { reasons[$0].isEmpty }
        let commits = going.compactMap { points[$0].commit.flatMap { CommitID($0) } }
        let unread = commits.filter { !whole.known.contains($0) }
        let damage = session.git.exists && !unread.isEmpty ? try session.git.damage(inChangesOf: unread) : [:]
        whole.known.formUnion(unread.filter { damage[$0] == nil })
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
        var places: [String: Int] = [:]
        for (index, point) in points.enumerated() { if let bak = point.bak { places[bak] = places[bak] ?? index } }
        var kept = Set(zip(points, reasons).filter { !$0.1.isEmpty }.compactMap { $0.0.bak })
        // States that ways of kept files lead through.
        var passed: [String: String] = [:]
        for (index, point) in points.enumerated().reversed() where !reasons[index].isEmpty {
            guard let digest = point.digest else { continue }
            if let bak = point.bak, passed[bak] == digest.description { continue }
            let target = BakTarget(digest, file: point.bak, .after)
            guard let way = store.way(to: target, among: files, preferring: kept) else { continue }
            let name = batches[point.batch]?.batch.description ?? point.kind.rawValue
            for file in way.files where !kept.contains(file) {
                guard let other = places[file] else { continue }
                reasons[other].append("the way to \(name)")
                kept.insert(file)
            }
            passed.merge(way.passed) { known, _ in known }
        }
    }
}

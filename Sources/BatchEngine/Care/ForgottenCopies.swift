public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Forgets copies of restore points that are lost for good: `verify` asks for them no longer.
public struct ForgottenCopies {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    private var ledger: Ledger { session.ledger }

    /// - Parameter confirm: asked with what would be forgotten; false: nothing is.
    public func perform(
        isDryRun: Bool, confirm: (ForgetReport) throws(BatchError) -> Bool
    ) throws(BatchError) -> ForgetReport {
        try session.requireOperator("forget-copies")
        guard try ledger.exists() else { return ForgetReport() }
        var plan = try find().report
        if isDryRun || plan.isEmpty { return plan }
        guard try confirm(plan) else { return plan }
        let turn = try session.plainTurn(for: LeaseWork("forget-copies"))
        defer { withExtendedLifetime(turn) {} }
        // What has come back meanwhile is kept.
        let lost = try find()
        try forget(lost)
        plan = lost.report
        plan.isDone = true
        return plan
    }

    private struct Lost {
        var points: [PointRecord] = []
        var report = ForgetReport()
    }

    /// Points without the copies that are lost.
    private func find() throws(BatchError) -> Lost {
        let points = try ledger.points()
        let verification = try PointVerification(
            session: session, points: points, batches: try ledger.batches(), isFast: false)
        let (files, commits) = (try verification.bakFaults(), try lostCommits(verification, points))
        var lost = Lost()
        for var point in points where files[point.id] != nil || commits.contains(point.id) {
            if files[point.id] != nil {
                lost.report.files.append(point.bak ?? "")
                (point.bak, point.bakKind, point.bakSHA256) = (nil, nil, nil)
            }
            if commits.contains(point.id) {
                lost.report.commits.append(point.commit ?? "")
                point.commit = nil
            }
            if point.bak == nil, point.commit == nil { lost.report.points += 1 }
            lost.points.append(point)
        }
        lost.report.stuck = try stuck(commits, points)
        return lost
    }

    /// A repository that is there and cannot be read is not lost: its damage is told instead.
    private func lostCommits(
        _ verification: PointVerification, _ points: [PointRecord]
    ) throws(BatchError) -> Set<Int64> {
        guard session.git.exists else { return Set(points.filter { $0.commit != nil }.map(\.id)) }
        return Set(try verification.gitFaults().keys)
    }

    /// Batches whose undo log went because git had it, and git has it no longer.
    private func stuck(_ commits: Set<Int64>, _ points: [PointRecord]) throws(BatchError) -> [BatchID] {
        let inCopies = try ledger.undoInCopies()
        if inCopies.isEmpty { return [] }
        let lost = Set(points.filter { commits.contains($0.id) }.map(\.batch))
        var stuck: [BatchID] = []
        for batch in try ledger.batches() where lost.contains(batch.seq) {
            let isStuck = try ledger.checkpoints(of: batch.seq).contains { $0.isLive && inCopies.contains($0.id) }
            if isStuck { stuck.append(batch.batch) }
        }
        return stuck
    }

    private func forget(_ lost: Lost) throws(BatchError) {
        try session.connection.transaction { () throws(BatchError) in
            for var point in lost.points {
                if point.bak == nil, point.commit == nil {
                    try ledger.removePoint(point.id)
                } else {
                    try ledger.save(&point)
                }
            }
            try ledger.forgetFiles()
            try ledger.audit(
                session.context.action(or: "forget-copies"), batch: nil, outcome: "forgotten",
                details: [
                    "files": .array(lost.report.files.map(JSONValue.string)),
                    "commits": .array(lost.report.commits.map(JSONValue.string)),
                    "points": JSONValue(lost.report.points),
                ], context: session.context)
        }
    }
}

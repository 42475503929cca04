internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// The words of a restore point in git.
struct PointText {
    let session: Session

    func message(
        _ point: PointRecord, _ batch: BatchRecord?, changes: [TableCount], snapshot: BakFile?, digest: Digest,
        heads: SignedAuditHeads?
    ) -> PointMessage {
        var trailers: [PointMessage.Trailer] = []
        if let batch {
            trailers.append(.init("Batch-Id", batch.batch.description))
            if let version = batch.jobVersion { trailers.append(.init("Job-Version", version)) }
            if let tenant = batch.tenant { trailers.append(.init("Tenant", tenant)) }
            trailers.append(.init("Trace-Id", batch.traceID))
        }
        trailers.append(.init("Kind", point.kind.rawValue))
        if let snapshot { trailers.append(.init("Snapshot", "\(snapshot.name) SHA-256:\(snapshot.sha256)")) }
        trailers.append(.init("State-Digest", digest.description))
        if let undone = batch?.rollsBack { trailers.append(.init("Rolls-Back", undone)) }
        trailers += heads?.trailers ?? []
        let actor = batch?.actor ?? session.context.actor
        return PointMessage(
            subject: subject(point, batch, changes), body: body(batch, changes), trailers: trailers,
            author: .init(name: actor, email: "\(actor.filter { !$0.isWhitespace })@localhost"),
            time: Timestamp(iso8601: point.createdAt) ?? session.context.now())
    }

    private func subject(_ point: PointRecord, _ batch: BatchRecord?, _ changes: [TableCount]) -> String {
        switch point.kind {
        case .baseline:
            return "Baseline of \(session.branch): \(amount(changes.map(\.rows.total).reduce(0, +), "row"))"
        case .drift: return "Drift: changes outside any batch" + (changes.isEmpty ? "" : " in \(names(changes))")
        case .rollback:
            return "\(batch.map { "\($0.batch)" } ?? "Rollback"): undo \(batch?.rollsBack ?? "") (\(counts(changes)))"
        case .batch, .restore:
            let state = batch?.status == .committed ? "" : " [\(batch?.status.rawValue ?? "")]"
            return "\(batch.map { "\($0.batch)" } ?? "Batch"): \(counts(changes))\(state)"
        }
    }

    /// `12 rows updated, 3 inserted in invoices, payments`
    private func counts(_ changes: [TableCount]) -> String {
        let total = changes.reduce(into: RowCounts()) { $0 += $1.rows }
        let parts = [(total.updated, "updated"), (total.inserted, "inserted"), (total.deleted, "deleted")].filter {
            $0.0 > 0
        }
        guard let first = parts.first else {
            return changes.isEmpty ? "no rows changed" : "definition of \(names(changes)) changed"
        }
        let rest = parts.dropFirst().map { ", \($0.0) \($0.1)" }.joined()
        return "\(amount(first.0, "row")) \(first.1)\(rest) in \(names(changes))"
    }

    private func names(_ changes: [TableCount]) -> String {
        let names = changes.map(\.table)
        return names.count > 3
            ? "\(names[0]), \(names[1]) and \(names.count - 2) more tables" : names.joined(separator: ", ")
    }

    private func amount(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    private func body(_ batch: BatchRecord?, _ changes: [TableCount]) -> String {
        changes.map { change in
            "\(change.table): \(change.rows.inserted) inserted, \(change.rows.updated) updated, \(change.rows.deleted) deleted"
        }.joined(separator: "\n")
    }
}

/// How many rows of one table a point changed.
struct TableCount {
    let table: String
    var rows: RowCounts
}

internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// An older copy of a database that was put in its place: its home has a restore point that the ledger does not know.
///
/// The ledger and the rows of such a file fit each other, so nothing else tells. The batches since are undone without a
/// rollback, and the next one gets the number of one of them.
struct OlderCopy {
    /// The newest point of the history.
    private let point: GitPoint

    /// Nil when the ledger knows the newest point of its branch, or may have written it and not noted it yet.
    init?(_ session: Session) throws(BatchError) {
        guard !session.isStandIn, try session.ledger.exists(),
            let point = try session.git.latest(branch: session.branch),
            try session.ledger.points(where: "commit_id = ?", [.string(point.id.description)]).isEmpty,
            try session.ledger.points(where: "status = 'pending'").isEmpty,
            try session.ledger.lastPoint(where: "commit_id IS NOT NULL") != nil
        else { return nil }
        self.point = point
    }

    var words: String {
        let name = point.message[trailer: "Batch-Id"].map { ", of batch \($0)," } ?? ""
        return
            "the newest restore point\(name) is not in the ledger: an older copy of the database was put in its place, and what was done since is not in it"
    }

    var advice: Hint {
        "see what is missing: \(command: "diff latest \(point.id.description.prefix(12))"); take the newest state: \(command: "restore --point \(point.id.description.prefix(12)) --to FILE"); or continue with this one: its history goes on from here, and the audit shows the gap"
    }
}

extension Session {
    /// Once for each session: what is found is told before anything is written.
    func tellOfOlderCopy() {
        guard !hasLookedForOlderCopy else { return }
        hasLookedForOlderCopy = true
        // A history that cannot be read keeps nobody from working: `verify` tells of it.
        guard let found = try? OlderCopy(self) else { return }
        context.log.write(.warn, "home.older", found.words, module: .points, warning: .olderCopy)
        context.warn(Warning(.olderCopy, found.words), found.advice)
        notify(.drift, nil, BatchError(.drift, found.words, hint: found.advice))
    }
}

internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// An older copy of a database that was put in its place, or an empty one: its home has a restore point that the ledger
/// does not know.
///
/// The ledger and the rows of such a file fit each other, so nothing else tells. The batches since are undone without a
/// rollback, and the next one gets the number of one of them.
struct OlderCopy {
    /// The newest point of the history.
    private let point: GitPoint
    /// The file has no ledger, or one without any point, and no rows: one that was just restored has some.
    private let isNew: Bool

    /// Nil when the ledger knows the newest point of its branch, or may have written it and not noted it yet.
    init?(_ session: Session) throws(BatchError) {
        guard !session.isStandIn else { return nil }
        let newest = try session.ledger.exists() ? try session.ledger.lastPoint(where: "1") : nil
        isNew = newest == nil
        if isNew {
            guard let former = try session.homeSearch().former(), try session.hasNoRows(),
                let point = try session.git.latest(branch: former.branch)
            else { return nil }
            self.point = point
            return
        }
        guard let point = try session.git.latest(branch: session.branch),
            try session.ledger.points(where: "commit_id = ?", [.string(point.id.description)]).isEmpty,
            try session.ledger.points(where: "status = 'pending'").isEmpty,
            try session.ledger.lastPoint(where: "commit_id IS NOT NULL") != nil
        else { return nil }
        self.point = point
    }

    var words: String {
        let batch = point.message[trailer: "Batch-Id"]
        if isNew {
            let newest = batch ?? point.message.time.iso8601
            return
                "this file has no rows, and knows none of the restore points that the database at this path had (the newest: \(newest)): it was emptied or replaced"
        }
        let name = batch.map { ", of batch \($0)," } ?? ""
        return
            "the newest restore point\(name) is not in the ledger: an older copy of the database was put in its place, and what was done since is not in it"
    }

    var advice: Hint {
        if isNew {
            return
                "get back what was there: \(command: "restore --point \(point.id.description.prefix(12)) --to FILE"); or continue with this file, which begins a history of its own"
        }
        return
            "see what is missing: \(command: "diff latest \(point.id.description.prefix(12))"); take the newest state: \(command: "restore --point \(point.id.description.prefix(12)) --to FILE"); or continue with this one: its history goes on from here, and the audit shows the gap"
    }
}

extension Session {
    fileprivate func hasNoRows() throws(BatchError) -> Bool {
        for table in try SchemaReader(connection).tables() {
            let sql = "SELECT EXISTS(SELECT 1 FROM main.\(table.quotedName))"
            if try connection.value(sql)?.integer != 0 { return false }
        }
        return true
    }

    /// Once for each session: what is found is told before anything is written.
    func tellOfOlderCopy() {
        guard !hasLookedForOlderCopy else { return }
        hasLookedForOlderCopy = true
        if let lost = try? LostHome(self) {
            context.log.write(.warn, "home.lost", lost.words, module: .points, warning: .noPoint)
            context.warn(Warning(.noPoint, lost.words), lost.advice)
        }
        // A history that cannot be read keeps nobody from working: `verify` tells of it.
        guard let found = try? OlderCopy(self) else { return }
        context.log.write(.warn, "home.older", found.words, module: .points, warning: .olderCopy)
        context.warn(Warning(.olderCopy, found.words), found.advice)
        notify(.drift, nil, BatchError(.drift, found.words, hint: found.advice))
    }
}

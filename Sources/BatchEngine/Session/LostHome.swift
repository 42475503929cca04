internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Restore points that the ledger knows, and of which the home holds none: its folder was removed, left behind when
/// the database was moved, or is on a disk that is not there now.
///
/// Nothing else tells: the next batch makes the folder anew.
struct LostHome {
    private let session: Session
    private let points: Int

    /// Nil when a copy of a point is there, or none was ever made.
    init?(_ session: Session) throws(BatchError) {
        guard !session.isStandIn, try session.ledger.exists() else { return nil }
        switch session.homeState {
        // What has no home yet, and what begins one of its own, misses nothing.
        case .unplaced, .copy: return nil
        case .here, .moved: break
        }
        // Nearly always the newest file is there, and nothing more is asked.
        if try LostHome.hasFile(session.backups, try session.ledger.lastPoint(where: "bak IS NOT NULL")) { return nil }
        guard try session.git.latest(branch: session.branch) == nil else { return nil }
        let points = try session.ledger.points(where: "bak IS NOT NULL OR commit_id IS NOT NULL")
        for point in points where try LostHome.hasFile(session.backups, point) { return nil }
        if points.isEmpty { return nil }
        self.session = session
        self.points = points.count
    }

    private static func hasFile(_ home: String, _ point: PointRecord?) throws(BatchError) -> Bool {
        guard let name = point?.bak else { return false }
        return Folder.exists("\(home)/\(name)")
    }

    var words: String {
        let what = points == 1 ? "the one restore point" : "none of the \(points) restore points"
        let verb = points == 1 ? "is not" : "is"
        return "\(what) of \(session.path) \(verb) in its home \(session.backups)"
    }

    var advice: Hint {
        "where the folder was moved, or is not mounted, bring it back, or say where it is: "
            + "\(command: "home set --to FOLDER"); when it is lost for good: \(command: "forget-copies")"
    }
}

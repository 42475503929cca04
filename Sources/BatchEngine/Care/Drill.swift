public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Restores restore points to scratch from both copies, and looks whether they are what was recorded.
public struct Drill {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// - Parameter sample: how many points, the newest always among them; nil for all.
    /// - Returns: one check for each copy of each point. The times are noted in the audit.
    public func perform(sample: Int? = nil) throws(BatchError) -> ChecksReport {
        try session.requireOperator("drill")
        guard try session.ledger.exists() else {
            return ChecksReport(checks: [.passed("restore points", "there are none: no batch has run on this database")]
            )
        }
        let names = try names()
        let points = choose(try session.ledger.points(where: "status = 'complete'"), sample)
        var checks: [Check] = []
        var times: [RestoreSource: [Int64]] = [:]
        for point in points {
            for source in RestoreSource.allCases where source == .git || point.bak != nil {
                let name = names[point.batch] ?? "\(point.kind.rawValue) of \(point.createdAt)"
                guard let (check, time) = try settled(point, name, source) else { continue }
                checks.append(check)
                times[source, default: []].append(time)
            }
        }
        let report = ChecksReport(checks: checks)
        try record(report, points.count, times)
        return report
    }

    private func names() throws(BatchError) -> [Int64: String] {
        let batches = try session.ledger.batches()
        return Dictionary(batches.map { ($0.seq, $0.batch.description) }) { first, _ in first }
    }

    /// Other points each time, so that many small drills reach all of them.
    private func choose(_ points: [PointRecord], _ sample: Int?) -> [PointRecord] {
        guard let sample, sample < points.count else { return points }
        var chance = Hex.bytes(session.context.randomID().prefix(16))?.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } ?? 1
        var left = Array(points.dropLast())
        var chosen = Array(points.suffix(min(1, sample)))
        while chosen.count < sample, !left.isEmpty {
            chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            chosen.append(left.remove(at: Int(chance >> 33) % left.count))
        }
        return chosen.sorted { $0.id < $1.id }
    }

    // MARK: One copy

    /// A copy that prune or erase took away, or wrote anew, while it was looked at has not failed: it is looked at again
    /// as it is now. Nil when it is gone.
    private func settled(
        _ point: PointRecord, _ name: String, _ source: RestoreSource
    ) throws(BatchError) -> (Check, time: Int64)? {
        let files = try session.ledger.points(where: "bak IS NOT NULL").count
        let first = check(point, name, source)
        if first.0.code == nil { return first }
        guard let now = try session.ledger.points(where: "id = ?", [.integer(point.id)]).first else { return nil }
        let isSame = now.bak == point.bak && now.bakSHA256 == point.bakSHA256 && now.commit == point.commit
        if isSame, try session.ledger.points(where: "bak IS NOT NULL").count == files { return first }
        if source == .bak, now.bak == nil { return nil }
        return check(now, name, source)
    }

    private func check(_ point: PointRecord, _ name: String, _ source: RestoreSource) -> (Check, time: Int64) {
        let title = "\(name) \(source == .git ? "git" : ".bak")"
        let start = session.context.clock.now()
        do throws(BatchError) {
            let scratch = try ScratchFolder(in: session.backups)
            let rebuilt = try rebuild(point, source, to: scratch.file("point.db"))
            let time = session.context.clock.now() - start
            guard rebuilt.digest == point.digest else {
                throw BatchError(.verificationFailed, "it was restored with another digest", hint: "")
            }
            return (.passed(title, "restored in \(time) ms, digest ok, \(try inspect(rebuilt))"), time)
        } catch {
            let other = source == .git ? "bak" : "git"
            let damage = BatchError(
                .corruptRecord, error.message,
                hint: "try its other copy: \(command: "restore --point \(name) --source \(other) --to FILE")")
            return (.failed(title, damage), session.context.clock.now() - start)
        }
    }

    private func rebuild(_ point: PointRecord, _ source: RestoreSource, to path: String) throws(BatchError) -> Rebuilt {
        if source == .git {
            guard let commit = point.commit.flatMap({ CommitID($0) }) else { throw missing("commit") }
            return try session.git.restore(commit, to: path)
        }
        guard let digest = point.digest, let file = point.bak else { throw missing("digest") }
        let store = BakStore(folder: session.backups)
        guard try SHA256.hex(ofFile: "\(session.backups)/\(file)") == point.bakSHA256 else {
            throw BatchError(.corruptRecord, "\(file) does not have its recorded SHA-256", hint: "")
        }
        return try store.restore(BakTarget(digest, file: file, .after), of: session.bakOwner, to: path)
    }

    private func missing(_ what: String) -> BatchError {
        BatchError(.noRestorePoint, "the ledger knows no \(what) of it", hint: "")
    }

    /// What SQLite itself says of the file.
    private func inspect(_ rebuilt: Rebuilt) throws(BatchError) -> String {
        let file = try Connection(path: rebuilt.path, mode: .readWrite)
        file.tolerateUnknownCollations()
        var words = "integrity not checked: an index of the application is missing"
        if rebuilt.staleIndexes.isEmpty {
            do throws(BatchError) {
                let lines = try file.rows("PRAGMA integrity_check(3)").compactMap { $0.first?.string }
                guard lines == ["ok"] else {
                    throw BatchError(.corruptDatabase, "integrity_check: \(lines.first ?? "no answer")", hint: "")
                }
                words = "integrity ok"
            } catch  where error.code == .sql {
                words = "integrity not checked: \(error.message)"
            }
        }
        do throws(BatchError) {
            let count = try file.rows("PRAGMA foreign_key_check").count
            return words + (count == 0 ? ", foreign keys ok" : ", \(Counted.text(count, "row")) without a parent")
        } catch  where error.code == .sql {
            return words + ", foreign keys not checked: \(error.message)"
        }
    }

    // MARK: Record

    private func record(
        _ report: ChecksReport, _ points: Int, _ times: [RestoreSource: [Int64]]
    ) throws(BatchError) {
        var details: [JSONValue.Member] = [
            .init("points", JSONValue(points)), .init("failed", JSONValue(report.checks.count { $0.code != nil })),
        ]
        for (source, taken) in times.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let total = taken.reduce(0, +)
            details.append(
                .init(
                    "\(source.rawValue)_ms",
                    [
                        "mean": .integer(total / Int64(max(1, taken.count))), "longest": .integer(taken.max() ?? 0),
                        "total": .integer(total),
                    ]))
        }
        try session.connection.transaction { () throws(BatchError) in
            try session.ledger.audit(
                session.context.action(or: "drill"), batch: nil, outcome: report.isOK ? "passed" : "failed",
                details: .object(details),
                context: session.context)
        }
    }
}

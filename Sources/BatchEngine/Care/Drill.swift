public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Restores restore points to scratch from both copies, and looks whether they are what was recorded.
public struct Drill {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// - Parameters:
    ///   - only: this point alone.
    ///   - sample: how many points, the newest always among them; nil for all.
    /// - Returns: one check for each copy of each point. The times are noted in the audit.
    /// - Throws: as `Restoring.point`.
    public func perform(_ only: PointReference? = nil, sample: Int? = nil) throws(BatchError) -> ChecksReport {
        try session.requireOperator("drill")
        let wanted = try only.map { (reference) throws(BatchError) in
            try PointLocator(session: session).record(reference)
        }
        guard try session.ledger.exists() else {
            return ChecksReport(checks: [.passed("restore points", "there are none: no batch has run on this database")]
            )
        }
        let points =
            if let wanted { [wanted] } else {
                choose(try session.ledger.points(where: "status = 'complete'"), sample)
            }
        if points.isEmpty {
            return ChecksReport(checks: [
                .passed("restore points", "there are none yet: the next batch makes the first")
            ])
        }
        let names = try PointNames(points, in: session.ledger)
        var checks: [[Check]] = points.map { _ in [] }
        var times: [RestoreSource: [Int64]] = [:]
        // One copy after the other: each point is reached from the one before it.
        for source in RestoreSource.allCases {
            let scratch = try ScratchFolder(in: session.backups)
            var walk: PointWalk?
            let last = points.lastIndex { $0.has(source) }
            for (index, point) in points.enumerated() where point.has(source) {
                session.context.phase("restoring from \(source.copy)", index, of: points.count, "point")
                let drilled = Drilled(
                    point: point, title: names.title(point), reference: names.reference(point), source: source,
                    isLast: index == last)
                guard let (check, time) = try settled(drilled, scratch.file("point.db"), &walk) else { continue }
                checks[index].append(check)
                times[source, default: []].append(time)
            }
        }
        let report = ChecksReport(checks: checks.flatMap(\.self))
        let complete = try session.ledger.points(where: "status = 'complete'").count
        try record(report, points.count, of: complete, times)
        return report
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

    /// One copy of one point.
    private struct Drilled {
        var point: PointRecord
        let title: String
        /// What `--point` takes.
        let reference: String
        let source: RestoreSource
        /// The last of its copy: all of it is read again, and SQLite checks it.
        let isLast: Bool
    }

    /// A copy that prune or erase took away, or wrote anew, while it was looked at has not failed: it is looked at again
    /// as it is now. Nil when it is gone.
    private func settled(
        _ drilled: Drilled, _ path: String, _ walk: inout PointWalk?
    ) throws(BatchError) -> (Check, time: Int64)? {
        let point = drilled.point
        let files = try fileCount()
        let first = check(drilled, path, &walk)
        if first.0.code == nil { return first }
        walk = nil
        guard let now = try session.ledger.points(where: "id = ?", [.integer(point.id)]).first else { return nil }
        let isSame = now.bak == point.bak && now.bakSHA256 == point.bakSHA256 && now.commit == point.commit
        if isSame, try fileCount() == files { return first }
        if drilled.source == .bak, now.bak == nil { return nil }
        var again = drilled
        again.point = now
        return check(again, path, &walk)
    }

    private func fileCount() throws(BatchError) -> Int64 {
        try session.connection.value("SELECT count(*) FROM main.batchmgr_points WHERE bak IS NOT NULL")?.integer ?? 0
    }

    private func check(_ drilled: Drilled, _ path: String, _ walk: inout PointWalk?) -> (Check, time: Int64) {
        let source = drilled.source
        let title = "\(drilled.title) \(source == .git ? "git" : ".bak")"
        let start = session.context.clock.now()
        do throws(BatchError) {
            let current = if let walk { walk } else { try PointWalk(try copy(source), in: path) }
            walk = current
            let rebuilt = try rebuild(drilled.point, source, current)
            let time = session.context.clock.now() - start
            guard rebuilt.digest == drilled.point.digest else {
                throw BatchError(.verificationFailed, "it was restored with another digest", hint: "")
            }
            let found = drilled.isLast ? ", " + (try inspect(rebuilt)) : ""
            return (.passed(title, "restored in \(time) ms, digest ok\(found)"), time)
        } catch {
            let other = source == .git ? "bak" : "git"
            let damage = BatchError(
                .corruptRecord, error.message,
                hint:
                    "try its other copy: \(command: "restore --point \(drilled.reference) --source \(other) --to FILE")"
            )
            return (.failed(title, damage), session.context.clock.now() - start)
        }
    }

    private func copy(_ source: RestoreSource) throws(BatchError) -> PointWalk.Copy {
        switch source {
        case .git: .git(session.git)
        case .bak:
            .bak(
                BakStore(folder: session.backups), database: session.bakOwner,
                recorded: try session.ledger.recordedHashes())
        }
    }

    private func rebuild(
        _ point: PointRecord, _ source: RestoreSource, _ walk: PointWalk
    ) throws(BatchError) -> Rebuilt {
        guard source == .bak, let file = point.bak else {
            return try walk.go(commit: point.commit.flatMap { CommitID($0) }, target: nil)
        }
        guard try SHA256.hex(ofFile: "\(session.backups)/\(file)") == point.bakSHA256 else {
            throw BatchError(.corruptRecord, "\(file) does not have its recorded SHA-256", hint: "")
        }
        return try walk.go(commit: nil, target: point.digest.map { BakTarget($0, file: file, .after) })
    }

    /// What SQLite itself says of the file.
    private func inspect(_ rebuilt: Rebuilt) throws(BatchError) -> String {
        let file = try Connection(path: rebuilt.path, mode: .readWrite)
        file.tolerateUnknownCollations()
        guard try StateDigest.compute(file).combined == rebuilt.digest else {
            throw BatchError(.verificationFailed, "when read again as a whole, it has another digest", hint: "")
        }
        var words = "integrity not checked: an index of the application is missing"
        if rebuilt.staleIndexes.isEmpty {
            do throws(BatchError) {
                switch try IntegrityCheck.run(.whole, on: file) {
                case .ok: words = "integrity ok"
                // So they were when the point was made.
                case .brokenChecks(let first): words = "integrity ok (\(first))"
                case .damage(let first, _):
                    throw BatchError(.corruptDatabase, "integrity_check: \(first)", hint: "")
                }
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
        _ report: ChecksReport, _ points: Int, of complete: Int, _ times: [RestoreSource: [Int64]]
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
        details.append(.init("of", JSONValue(complete)))
        try session.connection.transaction { () throws(BatchError) in
            try session.ledger.audit(
                session.context.action(or: "drill"), batch: nil, outcome: report.isOK ? "passed" : "failed",
                details: .object(details),
                context: session.context)
        }
    }
}

extension PointRecord {
    /// False for a copy that was pruned, or forgotten because it is lost.
    fileprivate func has(_ source: RestoreSource) -> Bool {
        switch source {
        case .git: commit != nil
        case .bak: bak != nil
        }
    }
}

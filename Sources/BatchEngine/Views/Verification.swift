public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Rechecks everything that an undo or a restore would rely on.
struct Verification {
    let session: Session
    /// Nil: everything.
    let batch: BatchRecord?
    /// Leaves out what reads all rows, all blocks or all objects.
    let isFast: Bool

    private var ledger: Ledger { session.ledger }

    func checks() throws(BatchError) -> [Check] {
        guard try ledger.exists() else {
            return [.passed("ledger", "there is none: no batch has run on this database")]
        }
        do throws(BatchError) {
            let batches = if let batch { [batch] } else { try ledger.batches() }
            let points = try ledger.points(
                where: "?1 IS NULL OR batch = ?1", [batch.map { .integer($0.seq) } ?? .null])
            var checks = [try ledgerCheck(batches, points)]
            if batch == nil, !isFast { checks += try stateChecks() }
            if batch == nil { checks += try guardChecks() }
            checks += try undoChecks(batches)
            if let check = try factCheck() { checks.append(check) }
            checks += try PointVerification(session: session, points: points, batches: batches, isFast: isFast).checks()
            if batch == nil { checks += try HomeVerification(session: session).checks() }
            return checks
        } catch  where error.code == .corruptLedger || error.code == .corruptDatabase || error.code == .sql {
            let damage = BatchError(
                .corruptLedger, "cannot be read: \(error.message)",
                hint: "rebuild the database from its copies: \(command: "restore --point BATCH --to FILE")")
            return [.failed("ledger", damage)]
        }
    }

    private func ledgerCheck(_ batches: [BatchRecord], _ points: [PointRecord]) throws(BatchError) -> Check {
        var checkpoints = 0
        for batch in batches { checkpoints += try ledger.checkpoints(of: batch.seq).count }
        let counts = [
            Counted.text(batches.count, "batch", plural: "batches"), Counted.text(checkpoints, "checkpoint"),
            Counted.text(points.count, "restore point"),
        ]
        return .passed("ledger", counts.joined(separator: ", "))
    }

    // MARK: State digest

    private func stateChecks() throws(BatchError) -> [Check] {
        guard let recorded = try ledger.state() else { return [.passed("tables", "no batch has changed any yet")] }
        session.context.phase("reading all tables")
        let found = try StateDigest.compute(session.connection)
        var failed: [Check] = []
        if recorded.schema != found.schema { failed.append(.failed("schema", drift("the schema", ""))) }
        for name in Set(recorded.tables.keys).union(found.tables.keys).sorted() {
            let (expected, now) = (recorded.tables[name] ?? TableDigest(), found.tables[name] ?? TableDigest())
            guard expected != now else { continue }
            let rows =
                expected.rows == now.rows ? "" : ": it had \(Counted.text(expected.rows, "row")), and has \(now.rows)"
            failed.append(.failed("table \(name)", drift("table \(name)", rows)))
        }
        let rows = found.tables.values.reduce(Int64(0)) { $0 + $1.rows }
        let counts = "\(Counted.text(found.tables.count, "table")), \(Counted.text(rows, "row"))"
        return failed.isEmpty ? [.passed("tables", "\(counts), all with the recorded digest")] : failed
    }

    private func guardChecks() throws(BatchError) -> [Check] {
        let report = try GuardSetting(session).report()
        if report.mode == .off { return [] }
        if report.isForcedOpen || !report.isIntact {
            let what = report.isForcedOpen ? "somebody holds the gate open" : "not every table has its triggers"
            return [
                .warning(
                    "guard", what, code: .guardIncomplete,
                    advice: "the next batch corrects it; see it: \(command: "guard show")")
            ]
        }
        return [.passed("guard", "\(report.mode.rawValue), on \(Counted.text(report.tables.count, "table"))")]
    }

    private func drift(_ thing: String, _ detail: String) -> BatchError {
        BatchError(
            .drift, "\(thing) was changed outside any batch\(detail)",
            hint:
                "see the rows: \(command: "drift show"); keep them: \(command: "drift adopt"); undo them: \(command: "drift undo")"
        )
    }

    // MARK: Facts

    private func factCheck() throws(BatchError) -> Check? {
        do throws(BatchError) {
            let own = try batch.map { (batch) throws(BatchError) in try ledger.checkpoints(of: batch.seq).map(\.id) }
            try ledger.verifyFacts(from: own?.min() ?? 0, to: own?.max() ?? .max)
            return nil
        } catch  where error.code == .corruptLedger {
            return .failed("facts", error)
        }
    }

    // MARK: Undo log

    private func undoChecks(_ batches: [BatchRecord]) throws(BatchError) -> [Check] {
        var failed: [Check] = []
        var (blocks, live) = (0, 0)
        let copied = try ledger.undoInCopies()
        for (place, batch) in batches.enumerated() {
            session.context.phase("checking the undo log", place, of: batches.count, "undo log")
            let checkpoints = try ledger.checkpoints(of: batch.seq).filter { $0.isLive && !copied.contains($0.id) }
            if !checkpoints.isEmpty { live += 1 }
            do throws(BatchError) {
                for checkpoint in checkpoints where !isFast { blocks += try ledger.verifyUndoLog(of: checkpoint) }
            } catch {
                let damage = BatchError(
                    .corruptRecord, "\(batch.batch): \(error.message)",
                    hint:
                        "this batch can still be undone from its restore point: \(command: "restore --point \(batch.batch)^ --to FILE")"
                )
                failed.append(.failed("undo log", damage))
            }
        }
        if isFast || !failed.isEmpty { return failed }
        let counts = Counted.text(live, "live batch", plural: "live batches")
        return [.passed("undo log", "\(Counted.text(blocks, "block")) of \(counts), all whole")]
    }
}

/// `1 row`, `2 rows`
public enum Counted {
    public static func text(_ number: some BinaryInteger, _ noun: String, plural: String? = nil) -> String {
        "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
    }
}

extension Session {
    /// `verify`: rechecks the digests, the undo log and both copies of every restore point.
    /// - Parameters:
    ///   - reference: only what belongs to this batch; nil for everything.
    ///   - isFast: leave out what reads all rows, all blocks or all objects.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`. Damage is no error here, but a check that failed.
    public func verify(_ reference: BatchReference? = nil, isFast: Bool = false) throws(BatchError) -> ChecksReport {
        try reading { () throws(BatchError) in
            var batch: BatchRecord?
            if let reference { batch = try BatchLookup(self).batch(reference) }
            return ChecksReport(checks: try Verification(session: self, batch: batch, isFast: isFast).checks())
        }
    }
}

/// Rechecks both copies of restore points.
struct PointVerification {
    let session: Session
    let points: [PointRecord]
    let batches: [Int64: BatchID]
    let isFast: Bool
    private let names: PointNames

    init(session: Session, points: [PointRecord], batches: [BatchRecord], isFast: Bool) throws(BatchError) {
        self.session = session
        self.points = points
        names = try PointNames(points, in: session.ledger)
        self.batches = Dictionary(batches.map { ($0.seq, $0.batch) }) { first, _ in first }
        self.isFast = isFast
    }

    func checks() throws(BatchError) -> [Check] {
        var checks: [Check] = []
        for point in points where point.status == .pending {
            checks.append(
                .warning(
                    "restore point", "the one of \(names.title(point)) is not written yet", code: .pendingPoint,
                    advice: "nothing to do: the next command that writes completes it"))
        }
        let bak = try bakState()
        let git = Result { () throws(BatchError) in try gitFaults() }
        return checks + bakChecks(bak.faults, git: git) + gitChecks(git, reach: bak.reach)
    }

    private var complete: [PointRecord] { points.filter { $0.status == .complete } }

    // MARK: .bak

    private func bakChecks(_ faults: [Int64: String], git: Result<[Int64: String], BatchError>) -> [Check] {
        let expected = complete.filter { $0.bak != nil }
        guard !expected.isEmpty else { return [] }
        let lost = try? git.get()
        var failed: [Check] = []
        for point in expected {
            guard let what = faults[point.id] else { continue }
            let hasCommit = point.commit != nil && lost.map { $0[point.id] == nil } ?? false
            let damage = BatchError(
                .corruptRecord, "\(point.bak ?? "") of \(names.title(point)) \(what)",
                hint: hasCommit ? otherCopy(point, "git") : Self.noCopy)
            failed.append(.failed(".bak", damage))
        }
        let how = isFast ? "all there" : "all there, with the recorded SHA-256"
        return failed.isEmpty ? [.passed(".bak", "\(Counted.text(expected.count, "file")), \(how)")] : failed
    }

    /// What is wrong with the `.bak` files of points, by the id of the point.
    func bakFaults() throws(BatchError) -> [Int64: String] { try bakState().faults }

    /// The same, and the states that the files which are whole lead to.
    private func bakState() throws(BatchError) -> (faults: [Int64: String], reach: BakReach) {
        let expected = complete.filter { $0.bak != nil }
        let store = BakStore(folder: session.backups)
        let manifests = Folder.exists(session.backups) ? try store.contents().files : []
        var usable: [BakManifest] = []
        var faults: [Int64: String] = [:]
        for (place, point) in expected.enumerated() {
            session.context.phase("checking the .bak files", place, of: expected.count, "file")
            faults[point.id] = try fault(point, manifests)
            if faults[point.id] == nil, let file = manifests.first(where: { $0.name == point.bak }) {
                usable.append(file)
            }
        }
        // What these points follow may be copies of points that are not asked about.
        let asked = Set(expected.compactMap(\.bak))
        let others = Set(
            try session.ledger.points(where: "bak IS NOT NULL AND status = 'complete'").compactMap(\.bak)
        ).subtracting(asked)
        usable += manifests.filter { others.contains($0.name) }
        let reach = BakReach(usable)
        for point in expected where faults[point.id] == nil && !(point.digest.map(reach.leads) ?? false) {
            faults[point.id] = "cannot be used: no chain of files leads to it"
        }
        return (faults, reach)
    }

    /// What is wrong with the file; nil when nothing is.
    private func fault(_ point: PointRecord, _ manifests: [BakManifest]) throws(BatchError) -> String? {
        let path = "\(session.backups)/\(point.bak ?? "")"
        guard Folder.exists(path) else { return "is missing" }
        if !isFast {
            do throws(BatchError) {
                let hash = try SHA256.hex(ofFile: path)
                if hash != point.bakSHA256 { return "was changed: its SHA-256 is not the recorded one" }
            } catch { return "cannot be read: \(error.message)" }
        }
        guard let manifest = manifests.first(where: { $0.path == path }) else { return "has no readable manifest" }
        let batch = batches[point.batch]?.description
        if let batch, manifest.batch != batch { return "says that it belongs to \(manifest.batch)" }
        if manifest.kind.rawValue != point.bakKind?.rawValue { return "says that it is \(manifest.kind.rawValue)" }
        if manifest.after != point.digest?.description { return "leads to a state that is not the recorded one" }
        return nil
    }

    // MARK: git

    private func gitChecks(_ found: Result<[Int64: String], BatchError>, reach: BakReach) -> [Check] {
        let expected = complete.filter { $0.commit != nil }
        guard !expected.isEmpty else { return [] }
        let faults: [Int64: String]
        do throws(BatchError) {
            faults = try found.get()
        } catch { return [.failed("git", lost(error.message))] + fileChecks(isIncomplete: true) }
        let failed =
            expected.compactMap { point in
                faults[point.id].map {
                    Check.failed(
                        "git",
                        BatchError(
                            .corruptRecord, "\(names.title(point)): \($0)",
                            hint: point.digest.map(reach.leads) ?? false ? otherCopy(point, "bak") : Self.noCopy))
                }
            }
            + fileChecks(isIncomplete: !faults.isEmpty)
        let how = isFast ? "all there" : "all there, with every object whole"
        return failed.isEmpty ? [.passed("git", "\(Counted.text(expected.count, "commit")), \(how)")] : failed
    }

    /// Files of the repository that hold no object.
    private func fileChecks(isIncomplete: Bool) -> [Check] {
        session.git.brokenFiles(branch: session.branch, isIncomplete: isIncomplete).map { broken in
            Check.failed("git", BatchError(.corruptRecord, broken.what, hint: "\(broken.mend)"))
        }
    }

    /// What is wrong with the commits of points, by the id of the point.
    /// - Throws: when nothing of the repository can be read.
    func gitFaults() throws(BatchError) -> [Int64: String] {
        let expected = complete.filter { $0.commit != nil }
        let commits = expected.compactMap { $0.commit.flatMap { CommitID($0) } }
        session.context.phase("checking the git history")
        let damage = isFast ? [:] : try session.git.damage(in: commits)
        var faults: [Int64: String] = [:]
        for point in expected {
            let error = point.commit.flatMap { CommitID($0) }.flatMap { damage[$0] }
            faults[point.id] = error?.message ?? fault(point)
        }
        return faults
    }

    private func lost(_ message: String) -> BatchError {
        BatchError(
            .corruptRecord, message,
            hint: "try the .bak files: \(command: "restore --point POINT --source bak --to FILE")")
    }

    private func otherCopy(_ point: PointRecord, _ source: String) -> Hint {
        let words = source == "bak" ? "its .bak" : "git"
        return
            "restore this point from \(words): \(command: "restore --point \(names.reference(point)) --source \(source) --to FILE")"
    }

    private static let noCopy: Hint =
        "neither copy of this point is as recorded; see the other points: \(command: "points"); when it is lost for good: \(command: "forget-copies")"

    /// What is wrong with the commit; nil when nothing is.
    private func fault(_ point: PointRecord) -> String? {
        let commit = point.commit ?? ""
        do throws(BatchError) {
            let found = try session.git.point(commit)
            guard found.message[trailer: "State-Digest"] == point.digest?.description,
                found.state.digest.combined == point.digest
            else { return "commit \(commit.prefix(10)) has a state digest that is not the recorded one" }
            return try tagFault(point, found)
        } catch { return error.message }
    }

    /// Only a batch that ended well bears a tag, and then its last point.
    private func tagFault(_ point: PointRecord, _ found: GitPoint) throws(BatchError) -> String? {
        guard let batch = batches[point.batch], let record = try session.ledger.batch(batch),
            record.status == .committed, points.last(where: { $0.batch == point.batch }) == point
        else { return nil }
        // Points of version 0.1 may bear tags without a prefix.
        let tags = [session.home.tags + "\(batch)", Home.standardTags + "\(batch)"]
        let tagged = tags.compactMap { try? session.git.point($0).id }
        if tagged.contains(found.id) { return nil }
        return tagged.isEmpty ? "its tag \(tags[0]) is missing" : "its tag \(tags[0]) names another commit"
    }
}

public import BatchCore
public import BatchHistory
internal import BatchLedger

/// Finds the restore point that a person means: by the ledger, and where that does not know it, by the stores.
struct PointLocator {
    let session: Session

    private var ledger: Ledger { session.ledger }
    private var git: GitStore { session.git }
    private var stored: StoredPoints { StoredPoints(session: session) }

    /// - Throws: `ERR_UX_UNKNOWN_POINT`, `ERR_UX_UNKNOWN_BATCH`; `ERR_DATA_NO_RESTORE_POINT` when the batch has none.
    func find(_ reference: PointReference) throws(BatchError) -> RestorePoint {
        switch reference {
        case .after(let id): return try after(id)
        case .before(let id): return try before(id)
        case .beforeLatest(let job?): return try before(try BatchLookup(session).batch(.latest(job: job)).batch)
        case .beforeLatest(nil):
            guard let last = try recorded(until: nil), let batch = try name(last) else {
                throw StoredPoints.unknown("latest^")
            }
            return try before(batch)
        case .latest:
            guard let last = try recorded(until: nil) else { return try stored.point(until: nil, "latest") }
            return try point(last)
        case .time(let time): return try find(time)
        case .revision(let name): return try revision(name)
        }
    }

    private func revision(_ name: String) throws(BatchError) -> RestorePoint {
        if JobID.isValid(name), let batch = try? BatchLookup(session).batch(.latest(job: name)) {
            return try after(batch.batch)
        }
        guard git.exists else {
            if let known = try recorded(prefix: name) { return try point(known) }
            throw StoredPoints.unknown(name)
        }
        let found: GitPoint
        do throws(BatchError) {
            found = try git.point(name)
        } catch {
            if let known = try recorded(prefix: name) { return try point(known) }
            guard error.code == .unknownPoint, JobID.isValid(name) else { throw error }
            // Digits that fit several commits are told; a misspelt job is told as one.
            if name.allSatisfy(\.isHexDigit) { throw error }
            _ = try BatchLookup(session).batch(.latest(job: name))
            throw error
        }
        try stored.requireOwn(found.id, named: name)
        return stored.point(named: name, found)
    }

    /// The batch that a person means by a point: the one that left the database in that state.
    /// - Throws: as `find`; `ERR_UX_UNKNOWN_BATCH` when no batch did.
    func batch(_ reference: PointReference) throws(BatchError) -> BatchReference {
        switch reference {
        case .after(let id): return .batch(id)
        case .revision(let name) where JobID.isValid(name):
            if let batch = try? BatchLookup(session).batch(.latest(job: name)) { return .batch(batch.batch) }
        case .latest:
            if let last = try latestBatch() { return .batch(last) }
        case .before, .beforeLatest, .time, .revision: break
        }
        let found = try find(reference)
        if let id = BatchID(found.name) { return .batch(id) }
        if let commit = found.commit, let point = try recorded(commit), let id = try name(point) { return .batch(id) }
        throw BatchError(
            .unknownBatch, "no batch left the database in the state \(reference)",
            hint: "see the points: \(command: "points")")
    }

    /// The ledger's record of the point that is meant.
    func record(_ reference: PointReference) throws(BatchError) -> PointRecord {
        let found = try find(reference)
        if let commit = found.commit, let point = try recorded(commit) { return point }
        throw BatchError(
            .unknownPoint, "the ledger has no record of \(found.name)", hint: "see the points: \(command: "points")")
    }

    // MARK: Times

    /// The state that the database had at that time, as far as batches say.
    ///
    /// A time in the middle of a batch, or of one whose point is gone, is no restore point: that is an error, with the
    /// points on both sides.
    private func find(_ time: PointTime) throws(BatchError) -> RestorePoint {
        let moment = time.moment(now: session.context.now(), session.context.zone)
        guard moment <= session.context.now() else {
            throw BatchError(
                .usage, "'\(time.text)' is in the future: \(moment.iso8601)",
                hint: "the newest point is called latest: \(command: "points --limit 5")")
        }
        guard try isRecorded() else { return try stored.point(until: moment, time.text) }
        guard let found = try recorded(until: moment) else { throw try early(time, moment) }
        let later = try ledger.checkpoints(
            where: """
                id > ? AND committed_at <= ? AND (inserted + updated + deleted > 0 OR schema_before <> schema_after)
                """,
            [.integer(found.lastCheckpoint), .string(moment.iso8601)])
        guard let next = later.first else { return try point(found) }
        throw try between(time, found, batch: next.batch)
    }

    /// The newest point of the ledger, of all or of those that a state until then has; nil when there is none.
    private func recorded(until moment: Timestamp?) throws(BatchError) -> PointRecord? {
        guard try isRecorded() else { return nil }
        let made = """
            coalesce((SELECT c.committed_at FROM main.batchmgr_checkpoints c \
            WHERE c.id = last_checkpoint AND c.batch = main.batchmgr_points.batch), created_at)
            """
        var newest: PointRecord?
        try ledger.forEachPointFromNewest(
            where: "status = 'complete' AND (?1 IS NULL OR \(made) <= ?1)", [.optional(moment?.iso8601)]
        ) { (point) in
            newest = point
            return false
        }
        return newest
    }

    private func early(_ time: PointTime, _ moment: Timestamp) throws(BatchError) -> BatchError {
        var error = StoredPoints.unknown(time.text)
        if let first = try ledger.points(where: "status = 'complete'").first {
            error = error.with(
                message: """
                    the first restore point, \(try title(first)), is later than '\(time.text)' (\(moment.iso8601))
                    """)
        }
        return error
    }

    private func between(
        _ time: PointTime, _ point: PointRecord, batch seq: Int64
    ) throws(BatchError) -> BatchError {
        let names = session.owner == nil ? try ledger.names(of: [seq]) : [:]
        let batch = names[seq]?.description ?? "a batch"
        return BatchError(
            .unknownPoint,
            "at '\(time.text)' \(batch) had changed data already, and that state has no restore point; "
                + "the last one before is \(try title(point))",
            hint: "name a point: \(command: "points")")
    }

    private func isRecorded() throws(BatchError) -> Bool {
        do throws(BatchError) {
            guard try ledger.exists() else { return false }
            return try ledger.connection.value("SELECT 1 FROM main.batchmgr_points WHERE status = 'complete'") != nil
        } catch  where error.code.exitCode == .integrityViolation {
            return false
        }
    }

    private func recorded(_ commit: CommitID) throws(BatchError) -> PointRecord? {
        guard try isRecorded() else { return nil }
        return try ledger.points(where: "status = 'complete' AND commit_id = ?", [.string("\(commit)")]).last
    }

    /// The point whose commit begins with these digits, by the ledger: git may have lost it, and a `.bak` have it.
    private func recorded(prefix: String) throws(BatchError) -> PointRecord? {
        guard prefix.count >= 7, prefix.allSatisfy(\.isHexDigit), session.owner == nil, try isRecorded() else {
            return nil
        }
        let found = try ledger.points(
            where: "status = 'complete' AND commit_id GLOB ? || '*'", [.string(prefix.lowercased())])
        return found.count == 1 ? found[0] : nil
    }

    /// The newest batch, with a restore point or without.
    private func latestBatch() throws(BatchError) -> BatchID? {
        guard try ledger.exists() else { return nil }
        var newest: BatchID?
        try ledger.forEachBatchFromNewest(where: "?2 IS NULL OR tenant = ?2", [.optional(session.owner)]) { (batch) in
            newest = batch.batch
            return false
        }
        return newest
    }

    /// Nil also for a batch of another tenant.
    private func name(_ point: PointRecord) throws(BatchError) -> BatchID? {
        try ledger.batches(
            where: "seq = ?1 AND (?2 IS NULL OR tenant = ?2)", [.integer(point.batch), .optional(session.owner)]
        ).first?.batch
    }

    private func title(_ point: PointRecord) throws(BatchError) -> String {
        try name(point)?.description ?? "\(point.kind.rawValue) of \(point.createdAt)"
    }

    func point(_ record: PointRecord) throws(BatchError) -> RestorePoint {
        RestorePoint(
            name: try title(record), commit: record.commit.flatMap { CommitID($0) }, digest: record.digest,
            bak: RestorePoint.Bak(.after, record.bak))
    }

    // MARK: Sides of a batch

    private func after(_ id: BatchID) throws(BatchError) -> RestorePoint {
        guard let (batch, points) = try recorded(id) else {
            if let found = stored.after(id) { return found }
            throw unknown(batch: id)
        }
        let own = points.last
        guard let last = own == nil ? try last(upTo: batch) : own else { throw none(id) }
        return RestorePoint(
            name: "\(id)", commit: last.commit.flatMap { CommitID($0) }, digest: last.digest,
            bak: RestorePoint.Bak(.after, last.bak))
    }

    private func before(_ id: BatchID) throws(BatchError) -> RestorePoint {
        let name = "\(id)^"
        guard let (batch, points) = try recorded(id) else {
            if let found = stored.before(id) { return found }
            throw unknown(batch: id)
        }
        guard let first = points.first else {
            guard let last = try last(upTo: batch) else { throw none(id) }
            return RestorePoint(
                name: name, commit: last.commit.flatMap { CommitID($0) }, digest: last.digest,
                bak: RestorePoint.Bak(.after, last.bak))
        }
        // The point that was written before is the state that the batch began from, whoever made it.
        let parent = try ledger.lastPoint(where: "id < ? AND status = 'complete'", [.integer(first.id)])
        return RestorePoint(
            name: name, commit: parent?.commit.flatMap { CommitID($0) }, digest: batch.digestBefore ?? parent?.digest,
            bak: RestorePoint.Bak(.before, first.bak) ?? RestorePoint.Bak(.after, parent?.bak))
    }

    /// The point whose state a batch that changed nothing found and left: it has none of its own.
    private func last(upTo batch: BatchRecord) throws(BatchError) -> PointRecord? {
        guard try ledger.hasChangedNothing(batch), let end = try ledger.checkpoints(of: batch.seq).last?.id else {
            return nil
        }
        let last = try ledger.points(where: "status = 'complete' AND last_checkpoint <= ?", [.integer(end)]).last
        return last?.digest == batch.digestAfter ? last : nil
    }

    /// Nil when the ledger does not know the batch, or cannot be read: a restore is for bad days.
    private func recorded(_ id: BatchID) throws(BatchError) -> (BatchRecord, [PointRecord])? {
        do throws(BatchError) {
            guard try ledger.exists(), let batch = try ledger.batch(id) else { return nil }
            let points = try ledger.points(where: "batch = ? AND status = 'complete'", [.integer(batch.seq)])
            return (batch, points)
        } catch  where error.code.exitCode == .integrityViolation {
            return nil
        }
    }

    // MARK: Errors

    private func unknown(batch id: BatchID) -> BatchError {
        do throws(BatchError) {
            _ = try BatchLookup(session).batch(.batch(id))
            return none(id)
        } catch { return error }
    }

    private func none(_ id: BatchID) -> BatchError {
        BatchError(
            .noRestorePoint, "batch \(id) has no complete restore point",
            hint: "see which there are: \(command: "points")")
    }
}

/// A state of the database that was recorded, and where its copies are.
public struct RestorePoint: Hashable, Sendable {
    /// As a person would name it.
    public let name: String
    /// What `--point` takes for it.
    var reference: String {
        let batch = name.last == "^" ? String(name.dropLast()) : name
        return BatchID(batch) != nil ? name : commit.map { String($0.description.prefix(12)) } ?? name
    }
    /// Nil when git has no such point, or is not there.
    public let commit: CommitID?
    /// The state digest as recorded; nil when no record of it is left.
    public let digest: Digest?
    /// The name of a `.bak` that has it, and on which side; nil when none is known.
    let bak: Bak?

    struct Bak: Hashable {
        let file: String
        let side: BakStore.Side

        init?(_ side: BakStore.Side, _ file: String?) {
            guard let file else { return nil }
            self.file = file
            self.side = side
        }
    }

    init(name: String, commit: CommitID?, digest: Digest?, bak: Bak? = nil) {
        self.name = name
        self.commit = commit
        self.digest = digest
        self.bak = bak
    }
}

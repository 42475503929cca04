internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// The records that a rollback can undo from, and which of them was used.
final class UndoRecords {
    private let session: Session
    private let scope: RollbackScope
    private let journal: RollbackJournal
    /// The one in use.
    private(set) var source: RollbackRequest.Source = .log
    private(set) var current: UndoRecord = .log
    /// Which records were not used, and why.
    private(set) var warnings: [Warning] = []

    init(session: Session, scope: RollbackScope, journal: RollbackJournal) {
        self.session = session
        self.scope = scope
        self.journal = journal
    }

    /// Errors that come from a damaged record, so that another one may serve.
    private static let damages: Set<ErrorCode> = [
        .corruptRecord, .corruptLedger, .corruptDatabase, .notADatabase, .noRestorePoint, .verificationFailed,
        .unknownPoint, .git, .file, .fileMissing,
    ]

    /// Tries the records in their order until `body` succeeds with one.
    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when none serves; the error of `body` when it is no damage.
    func first<Result>(_ body: (UndoRecord) throws(BatchError) -> Result) throws(BatchError) -> Result {
        let sources = if let source = scope.request.source { [source] } else { try self.sources() }
        var failures: [(source: RollbackRequest.Source, error: BatchError)] = []
        for source in sources {
            do throws(BatchError) {
                self.source = source
                current = try record(source)
                let result = try body(current)
                journal.write("source", ["used": .string(source.rawValue)])
                return result
            } catch {
                let damage = try damage(error, source)
                journal.write("source", ["damaged": .string(source.rawValue), "error": .string(damage.description)])
                failures.append((source, damage))
                warnings.append(
                    Warning(.recordNotUsed, "the \(source.record) was not used: \(damage.message)"))
            }
        }
        let reasons = failures.map { "\($0.source.record): \($0.error.message)" }.joined(separator: "; ")
        let isAll = scope.request.source == nil
        throw BatchError(
            .noRestorePoint, "no record of \(scope.batch.batch) verifies: \(reasons)",
            hint: isAll
                ? "see what is damaged, and which points are whole: \(command: "verify")"
                : "use the first record that verifies: \(command: "rollback --id \(scope.batch.batch)")")
    }

    /// A log that was taken out of the database is no damage, and nobody needs to be told.
    private func sources() throws(BatchError) -> [RollbackRequest.Source] {
        for (checkpoint, _) in scope.checkpoints where try session.ledger.isThinned(checkpoint.id) {
            return RollbackRequest.Source.allCases.filter { $0 != .log }
        }
        return RollbackRequest.Source.allCases
    }

    /// The damage behind an error.
    /// - Throws: the error itself when there is none.
    private func damage(_ error: BatchError, _ source: RollbackRequest.Source) throws(BatchError) -> BatchError {
        if UndoRecords.damages.contains(error.code) { return error }
        guard error.code == .conflict, source == .log else { throw error }
        // A log with a hole meets rows that it does not know.
        do throws(BatchError) {
            for (checkpoint, _) in scope.checkpoints { _ = try session.ledger.verifyUndoLog(of: checkpoint) }
        } catch { return error }
        throw error
    }

    // MARK: Opening

    private func record(_ source: RollbackRequest.Source) throws(BatchError) -> UndoRecord {
        if source == .log { return .log }
        var parts: [UndoPart] = []
        for covered in try points() {
            do throws(BatchError) {
                parts.append(try part(covered, try changes(of: covered.point, source)))
            } catch {
                throw BatchError(error.code, "\(covered.batch.batch): \(error.message)", hint: error.hint)
            }
        }
        return .points(parts)
    }

    /// A point leads from its one end to the other; to a checkpoint in between lead the copies of the undo log.
    private func part(_ covered: Covered, _ changes: any NetChanges & UndoBlockCopies) throws(BatchError) -> UndoPart {
        let name = covered.batch.batch.description
        if covered.isWhole {
            return .whole(NetRun(batch: name, lastCheckpoint: covered.point.lastCheckpoint, changes: changes))
        }
        // A checkpoint that changed nothing has no blocks, but not all of a batch.
        var blocks = 0
        for checkpoint in covered.all { blocks += try changes.blocks(of: checkpoint.number) }
        if blocks == 0, covered.all.contains(where: { $0.rows.total > 0 }) {
            throw BatchError(
                .noRestorePoint,
                "the \(source.record) does not record single checkpoints, so it can only undo all of them",
                hint: "undo all of it: \(command: "rollback --id \(name) --source \(source.rawValue)")")
        }
        return .some(CopiedRun(batch: name, checkpoints: covered.wanted, blocks: changes))
    }

    private func changes(
        of point: PointRecord, _ source: RollbackRequest.Source
    ) throws(BatchError) -> any NetChanges & UndoBlockCopies {
        let changes: any NetChanges & UndoBlockCopies
        if source == .git {
            guard let commit = point.commit.flatMap({ CommitID($0) }) else { throw missing("no commit") }
            changes = try session.git.changes(of: commit)
        } else {
            guard let name = point.bak else { throw missing("no .bak") }
            changes = try BakStore(folder: session.backups)
                .changes(in: name, sha256: point.bakSHA256 ?? "", live: session.connection)
        }
        guard changes.after.digest.combined == point.digest else {
            throw missing("a state that is not the recorded one")
        }
        return changes
    }

    /// A restore point and what is to be undone of it.
    private struct Covered {
        let point: PointRecord
        let batch: BatchRecord
        /// All checkpoints that it covers.
        let all: [CheckpointRecord]
        /// The last first.
        let wanted: [CheckpointRecord]
        var isWhole: Bool { wanted.count == all.count }
    }

    /// The restore points that cover what is undone, the last first.
    private func points() throws(BatchError) -> [Covered] {
        let undone = Set(scope.checkpoints.map(\.checkpoint.id))
        var found: [Covered] = []
        for batch in scope.order {
            let all = try session.ledger.checkpoints(of: batch.seq)
            var open = undone.intersection(all.map(\.id))
            var last: Int64 = 0
            for point in try session.ledger.points(where: "batch = ? AND status = 'complete'", [.integer(batch.seq)]) {
                let covered = all.filter { $0.id > last && $0.id <= point.lastCheckpoint }
                last = point.lastCheckpoint
                let wanted = covered.filter { open.contains($0.id) }
                if wanted.isEmpty { continue }
                open.subtract(wanted.map(\.id))
                found.append(Covered(point: point, batch: batch, all: covered, wanted: wanted.reversed()))
            }
            if open.isEmpty { continue }
            guard try isInPointBefore(batch, all) else {
                throw BatchError(
                    .noRestorePoint, "the restore points of \(batch.batch) do not contain all of its checkpoints",
                    hint: "see the points: \(command: "points")")
            }
        }
        return found.sorted { $0.point.lastCheckpoint > $1.point.lastCheckpoint }
    }

    /// A batch that changed nothing in the end has no point of its own: the point before it holds what it left, and there
    /// is nothing to undo.
    private func isInPointBefore(_ batch: BatchRecord, _ checkpoints: [CheckpointRecord]) throws(BatchError) -> Bool {
        guard try session.ledger.hasChangedNothing(batch), let first = checkpoints.first?.id,
            try session.ledger.points(where: "batch = ?", [.integer(batch.seq)]).isEmpty
        else { return false }
        let before = try session.ledger.lastPoint(
            where: "last_checkpoint < ? AND status = 'complete'", [.integer(first)])
        return before?.digest == batch.digestAfter
    }

    private func missing(_ what: String) -> BatchError {
        BatchError(.noRestorePoint, "its restore point has \(what)", hint: "see the points: \(command: "points")")
    }
}

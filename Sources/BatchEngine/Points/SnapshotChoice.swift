internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Which kind of `.bak` a batch gets.
struct SnapshotChoice {
    let session: Session

    /// Up to this size a delta is hardly smaller than the whole.
    private static let tinyDatabase: Int64 = 256 << 10

    /// Why a whole copy is taken whatever the policy says.
    enum Reason {
        case firstBatch
        /// A delta holds one schema, that after the batch, so from it alone nobody could tell the one before.
        case schemaChange
        case drift
    }

    /// - Parameters:
    ///   - reason: one that is known already: the first batch, drift.
    ///   - isFollowing: deltas that are about to be written lead here.
    func kind(
        for job: JobDefinition, because reason: Reason?, isFollowing: Bool = false
    ) throws(BatchError) -> SnapshotKind {
        if LevelPolicy(level: job.level).needsFullSnapshot { return .full }
        switch job.snapshot ?? session.database.snapshot {
        case .full: return .full
        case .delta:
            let isForced = reason == .firstBatch || reason == .schemaChange
            if isForced || job.mayChangeSchema { return .full }
            if isFollowing { return .delta }
            return try lastLeadsHere() ? .delta : .full
        case .auto: break
        }
        if reason != nil || job.isCritical || job.mayChangeSchema { return .full }
        if DatabaseFile(session.path).size < SnapshotChoice.tinyDatabase { return .full }
        if isFollowing { return .delta }
        if try !lastLeadsHere() { return .full }
        return try chainIsLong() ? .full : .delta
    }

    /// Of a batch that shares its turn with others. One that will most likely change nothing, as the one before of its job,
    /// begins without a whole copy: it would be thrown away. When it changes something after all, a delta follows the last
    /// copy, and where there is none `PointCopies` makes a whole one from the undo log.
    func kind(sharing job: JobDefinition, isFollowing: Bool) throws(BatchError) -> SnapshotKind {
        let kind = try kind(for: job, because: nil, isFollowing: isFollowing)
        guard kind == .full, (job.snapshot ?? session.database.snapshot) != .full,
            try session.ledger.hasLastChangedNothing(job.id)
        else { return kind }
        if isFollowing { return .delta }
        if try hasNoCopy() { return .delta }
        return try lastLeadsHere() ? .delta : .full
    }

    /// There is no `.bak` of this database.
    func hasNoCopy() throws(BatchError) -> Bool {
        try session.ledger.lastPoint(where: "bak IS NOT NULL AND status = 'complete'") == nil
    }

    /// False when a delta would have nothing to follow: there is no `.bak` yet, others wrote since the last one, or a
    /// point was lost.
    private func lastLeadsHere() throws(BatchError) -> Bool {
        let last = try session.ledger.lastPoint(where: "bak IS NOT NULL AND status = 'complete'")
        guard let digest = last?.digest else { return false }
        let now = try session.ledger.state()?.combined
        return digest == now
    }

    /// True when the deltas since the last whole copy add up to half of its size: a restore would have to read them all.
    private func chainIsLong() throws(BatchError) -> Bool {
        var (isLong, deltas) = (true, Int64(0))
        try session.ledger.forEachPointFromNewest(where: "bak IS NOT NULL") { (point) in
            let size = DatabaseFile("\(session.backups)/\(point.bak ?? "")").size
            if point.bakKind == .full { isLong = size == 0 || deltas > size / 2 }
            deltas += size
            return point.bakKind != .full
        }
        return isLong
    }
}

extension JobDefinition {
    /// Whether its SQL looks as if it changed the schema. It may err on the side of yes: that costs a copy.
    var mayChangeSchema: Bool {
        steps.contains { step in
            step.script.map { SQLText.firstWords(in: $0).contains(where: JobDefinition.schemaWords.contains) } ?? false
        }
    }

    private static let schemaWords: Set<String> = ["create", "drop", "alter", "reindex", "pragma"]
}

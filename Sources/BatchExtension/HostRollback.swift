internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// `batch_rollback`.
extension Host {
    /// - Returns: the id of the rollback, which is a batch itself.
    func rollBack(_ reference: BatchReference, _ mode: RollbackMode) throws(BatchError) -> BatchID {
        if let batch {
            throw BatchError(
                .wrongState, "batch \(batch.name) is open on this connection",
                hint: "end it first: SELECT batch_commit() or SELECT batch_abort()")
        }
        try requireWritable()
        ended = nil
        let ledger = try Ledger(connection)
        defer { connection.dropCachedStatements() }
        let batch = try HostLookup(ledger: ledger).batchToUndo(reference)
        if try !ledger.isComplete() { try ledger.complete() }
        let (order, revived) = try self.order(batch, mode, ledger)
        try requireWithinDatabase(order, ledger)
        let gateway = try gateway()
        // A whole undo leads back to what was there before, so it may touch protected data; one that leaves rows out
        // may not.
        if mode == .unconflicted, let rules = try ledger.policy() {
            gateway.policy = WritePolicy(protected: rules.protected.map(ProtectedName.init))
        }
        let isJoined = !connection.isAutocommit
        if isJoined { try gateway.join(at: HostBatch.savepoint) }
        let temporaryTriggers = try Undo.TemporaryTriggers(connection)
        defer {
            // When it failed, the savepoint is taken back by now.
            gateway.leave()
            temporaryTriggers.putBack()
        }
        try temporaryTriggers.lift()
        let undo = Undo(gateway)
        try undo.open()
        defer {
            undo.close()
            gateway.removeTriggers()
        }
        let checkpoints = try ledger.liveCheckpoints(
            of: [batch] + order.filter { $0.seq != batch.seq }, and: revived)
        let isPartial = mode == .unconflicted
        let outcome = try namingReaders(isNewSchema: order.contains(where: \.hasSchemaChange)) {
            () throws(BatchError) in
            try undo.perform(
                checkpoints, collecting: isPartial,
                leaving: isPartial ? try ledger.laterTouches(of: checkpoints.map(\.checkpoint)) : TouchedKeys())
        }
        try outcome.require(for: batch.batch)
        let id = try keep(gateway, order, checkpoints, outcome, of: batch, mode)
        if isJoined {
            try gateway.part()
            gateway.leave()
        }
        return id
    }

    /// SQLite drops no table while anything is being read on the connection.
    private func namingReaders<Result>(
        isNewSchema: Bool, _ body: () throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        do throws(BatchError) {
            return try body()
        } catch {
            // One of them is the SELECT that calls us.
            guard isNewSchema, error.code == .busy, runningStatements > 1 else { throw error }
            throw BatchError(
                .wrongState, "the schema cannot change while a statement of this connection is still being read",
                hint: "read it to its end or reset it, and call batch_rollback again")
        }
    }

    /// The batches that are undone, in this order, and `DependencyGraph.Found.revived`.
    private func order(
        _ batch: BatchRecord, _ mode: RollbackMode, _ ledger: Ledger
    ) throws(BatchError) -> (batches: [BatchRecord], revived: Set<Int64>) {
        guard batch.status != .running else {
            throw BatchError(
                .wrongState, "batch \(batch.batch) is running",
                hint:
                    "end it first; when its process is gone, any command of the tool marks it as stopped: \(command: "list")"
            )
        }
        try ledger.requireLive(batch)
        if mode == .unconflicted { return ([batch], []) }
        let found = try DependencyGraph(ledger).dependents(of: batch)
        let dependents = found.dependents
        if dependents.isEmpty { return ([batch], []) }
        let names = try ledger.names(of: Set(dependents.map(\.batch)))
        guard mode == .cascade else {
            let list = dependents.prefix(5).compactMap { edge in names[edge.batch].map { "\($0) (\(edge.evidence))" } }
            let rest = dependents.count > 5 ? " and \(dependents.count - 5) more" : ""
            throw BatchError(
                .dependents,
                "\(dependents.count) later \(dependents.count == 1 ? "batch depends" : "batches depend") on "
                    + "\(batch.batch): \(list.joined(separator: ", "))\(rest)",
                hint: "undo them too: SELECT batch_rollback('\(batch.batch)', 'cascade')")
        }
        var records = [batch]
        for edge in dependents {
            if let record = try ledger.batch(seq: edge.batch) { records.append(record) }
        }
        return (records.sorted { $0.seq > $1.seq }, found.revived)
    }

    /// A host runs no programs and writes no files.
    private func requireWithinDatabase(_ batches: [BatchRecord], _ ledger: Ledger) throws(BatchError) {
        for batch in batches where try ledger.hasEffects(batch.seq) {
            throw BatchError(
                .notUndoable, "batch \(batch.batch) did something outside the database, which only the tool can undo",
                hint: "\(command: "rollback --id \(batch.batch)")")
        }
        guard isTriggered else { return }
        for batch in batches where try hasModuleRows(batch, ledger) {
            throw BatchError(
                .notUndoable,
                "batch \(batch.batch) wrote to a virtual table, which only the tool can undo in a program with a SQLite of its own",
                hint: "\(command: "rollback --id \(batch.batch)")")
        }
    }

    /// True when a module keeps what the batch wrote: TEMP triggers cannot record that it goes.
    private func hasModuleRows(_ batch: BatchRecord, _ ledger: Ledger) throws(BatchError) -> Bool {
        let changes = try BatchChanges(ledger, checkpoints: try ledger.checkpoints(of: batch.seq).map(\.id))
        return changes.tables.contains { table in
            if case .shadow = (table.before ?? table.after)?.role { true } else { false }
        }
    }

    private func keep(
        _ gateway: Gateway, _ order: [BatchRecord],
        _ checkpoints: [(checkpoint: CheckpointRecord, batch: String)], _ outcome: Undo.Outcome, of batch: BatchRecord,
        _ mode: RollbackMode
    ) throws(BatchError) -> BatchID {
        let ledger = gateway.ledger
        try LeaseTable(connection).requireFree()
        var rollback = try OwnBatch(.rollback, in: ledger, actor: SystemActor.name, trace: randomID(), at: now)
        rollback.record.rollsBack = order.map(\.batch.description).joined(separator: " ")
        rollback.record.tenant = batch.tenant
        rollback.record.parameters = JSONWriter.text(["mode": .string(mode.rawValue), "to": .null])
        rollback.point.bakKind = .delta
        let kept = Set(outcome.conflicts.filter { !$0.isOverwritten }.map(\.batch))
        try rollback.commit(gateway, step: "undo", now: now) { (rollback, checkpoint) throws(BatchError) in
            let record = rollback.record
            try ledger.record(undone: checkpoints, of: order, by: checkpoint, keeping: kept)
            try ledger.audit(
                "rollback", batch: batch, outcome: "committed",
                details: ["rollback": .string("\(record.batch)"), "order": .init(record.rollsBack), "host": true],
                by: record.actor, trace: record.traceID, at: now)
        }
        return rollback.record.batch
    }
}

/// Finds the batch that a caller names.
struct HostLookup {
    let ledger: Ledger

    /// The batch of this id; of a job the latest that is not rolled back, or the latest when all are.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`, with the name that was probably meant.
    func batch(_ reference: BatchReference) throws(BatchError) -> BatchRecord {
        guard try ledger.exists() else {
            throw BatchError(
                .unknownBatch, "there is no batch '\(reference)'; no batch has run on this database",
                hint: "run one: SELECT batch_begin('NAME')")
        }
        let found = try candidates(reference)
        if let batch = found.last(where: { $0.status != .rolledBack }) ?? found.last { return batch }
        let sql = "SELECT batch FROM main.batchmgr_batches ORDER BY seq DESC LIMIT 1000"
        let names = try ledger.connection.rows(sql).compactMap { $0[0].string }
        throw BatchError(
            .unknownBatch, "there is no batch '\(reference)'\(Suggestion.clause(for: "\(reference)", in: names))",
            hint: "see the batches: SELECT batch FROM batch_log")
    }

    /// A name that is called twice must not undo two batches: of a job it is the latest.
    func batchToUndo(_ reference: BatchReference) throws(BatchError) -> BatchRecord {
        if case .latest = reference, try ledger.exists() {
            let found = try candidates(reference)
            if let latest = found.last, latest.status == .rolledBack,
                let before = found.last(where: { $0.status != .rolledBack })
            {
                throw BatchError(
                    .wrongState, "\(latest.batch) is rolled back already; the one before is \(before.batch)",
                    hint: "undo that one too: SELECT batch_rollback('\(before.batch)')")
            }
        }
        return try batch(reference)
    }

    private func candidates(_ reference: BatchReference) throws(BatchError) -> [BatchRecord] {
        switch reference {
        case .batch(let id): try ledger.batches(where: "batch = ?", [.string(id.description)])
        case .latest(let job): try ledger.batches(where: "job = ?", [.string(job)])
        }
    }
}

extension RollbackMode {
    /// - Throws: `ERR_UX_USAGE` for a mode that a host does not have.
    init(argument: String?) throws(BatchError) {
        guard let mode = RollbackMode(rawValue: argument ?? "restrict"), mode != .replay else {
            throw BatchError(
                .usage, "there is no mode '\(argument ?? "")' here",
                hint:
                    "restrict, cascade or unconflicted; to run dependents again: \(command: "rollback --id BATCH --mode replay")"
            )
        }
        self = mode
    }
}

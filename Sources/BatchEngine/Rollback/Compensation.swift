internal import BatchCatalog
internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// Takes back what steps did outside the database.
struct Compensation {
    let session: Session

    /// Effects that a rollback has to take back, the last first.
    func effects(of scope: RollbackScope) throws(BatchError) -> [(effect: Effect, batch: BatchRecord)] {
        let undone = Set(scope.checkpoints.map(\.checkpoint.id))
        var all: [(effect: Effect, batch: BatchRecord)] = []
        for batch in scope.order {
            for effect in try session.ledger.effects(of: batch.seq) where undone.contains(effect.checkpoint) {
                all.append((effect, batch))
            }
        }
        return all.sorted { $0.effect.id > $1.effect.id }
    }

    /// What became of the effects.
    struct Outcome {
        /// Effects that were taken back.
        var done: [Int64] = []
        /// What stays as it is, in words, with the batch that did it.
        var left: [(batch: Int64, what: String)] = []
    }

    /// Refuses before anything changes when an effect cannot be taken back.
    func check(_ scope: RollbackScope) throws(BatchError) {
        for (effect, batch) in try effects(of: scope) {
            if let problem = problem(effect, batch, scope) { throw problem }
        }
    }

    private func problem(_ effect: Effect, _ batch: BatchRecord, _ scope: RollbackScope) -> BatchError? {
        let undone = Set(scope.order.map(\.seq))
        return switch kind(of: effect).objectionToUndo(effect, of: batch, beside: undone, in: session) {
        case nil: nil
        case .undeclared(let why): missing(effect, batch, why)
        case .fault(let error): error
        }
    }

    private func kind(of effect: Effect) -> any StepKind { session.context.steps.kind(effect.kind) }

    private func missing(_ effect: Effect, _ batch: BatchRecord, _ why: String) -> BatchError {
        BatchError(
            .compensationMissing, "step \(effect.step) of \(batch.batch) \(why)",
            hint: "undo the data alone: \(command: "rollback --id \(batch.batch) --without-compensation")")
    }

    /// Runs the compensations. A failing one ends it; the caller then rolls the transaction back.
    func run(_ scope: RollbackScope, _ journal: RollbackJournal, allowMissing: Bool) throws(BatchError) -> Outcome {
        var outcome = Outcome()
        for (effect, batch) in try effects(of: scope) {
            guard kind(of: effect).place == .outside else { continue }
            if allowMissing, let problem = problem(effect, batch, scope) {
                journal.write("left", ["step": .string(effect.step), "because": .string(problem.message)])
                outcome.left.append((batch.seq, problem.message))
                continue
            }
            do throws(BatchError) {
                try kind(of: effect).undo(effect, of: batch, in: session)
                journal.write("compensated", ["batch": .string(batch.batch.description), "step": .string(effect.step)])
                outcome.done.append(effect.id)
                session.context.reach("compensated")
            } catch {
                journal.write(
                    "compensation failed", ["step": .string(effect.step), "error": .string(error.description)])
                if allowMissing {
                    outcome.left.append((batch.seq, error.message))
                    continue
                }
                throw BatchError(
                    .compensationFailed, "the undo of step \(effect.step) of \(batch.batch) failed: \(error.message)",
                    hint:
                        "correct it and try again, or undo the data alone: \(command: "rollback --id \(batch.batch) --without-compensation")"
                )
            }
        }
        for batch in scope.order { try QueuedJobs.cancelUnnoted(of: batch, in: session) }
        return outcome
    }
}

/// Brings about again what rollbacks took back outside the database, when they are undone themselves.
struct Revival {
    let session: Session
    let scope: RollbackScope

    /// One effect, and what to say of it when it is not there again.
    struct Item {
        let effect: Effect
        let batch: BatchRecord
        let rollback: BatchID
        let mayRedo: Bool

        var words: String {
            "step \(effect.step) of \(batch.batch) was undone outside the database by \(rollback), and is not done again: \(batch.batch) is back without it"
        }
    }

    /// In the order in which they came about.
    func effects() throws(BatchError) -> [Item] {
        var items: [Item] = []
        let undone = Set(scope.checkpoints.map(\.checkpoint.id))
        for rollback in scope.order where rollback.kind == .rollback {
            let made = scope.checkpoints.filter { $0.checkpoint.batch == rollback.seq }.map(\.checkpoint.id)
            for (effect, seq) in try session.ledger.effects(undoneBy: made) where !undone.contains(effect.checkpoint) {
                guard let batch = try session.ledger.batch(seq: seq) else { continue }
                items.append(
                    Item(
                        effect: effect, batch: batch, rollback: rollback.batch,
                        mayRedo: session.context.steps.kind(effect.kind).mayRedo))
            }
        }
        return items.sorted { $0.effect.id < $1.effect.id }
    }

    /// - Parameters:
    ///   - batch: the rollback that does it: what it has brought about goes again with it.
    ///   - checkpoint: that of its rows.
    /// - Returns: what is not there again, in words. The rows are right without it, so it is no reason to refuse.
    func run(_ journal: RollbackJournal, for batch: Int64, _ checkpoint: Int64) throws(BatchError) -> [String] {
        var missing: [String] = []
        for item in try effects() {
            guard item.mayRedo else {
                missing.append(item.words)
                continue
            }
            var lacks: [String]
            do throws(BatchError) {
                lacks = try session.context.steps.kind(item.effect.kind).redo(item.effect, of: item.batch, in: session)
            } catch { lacks = [error.message] }
            journal.write(
                "done again",
                [
                    "batch": .string(item.batch.batch.description), "step": .string(item.effect.step),
                    "missing": .array(lacks.map(JSONValue.string)),
                ])
            session.context.reach("revived")
            // What is there has to go again when the batch is rolled back once more.
            try session.ledger.markEffectUndone(item.effect.id, by: nil)
            try session.ledger.repeatEffect(item.effect.id, in: batch, checkpoint)
            missing += lacks.map {
                "step \(item.effect.step) of \(item.batch.batch), which \(item.rollback) had undone: \($0)"
            }
        }
        return missing
    }
}

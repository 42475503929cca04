internal import BatchCore
internal import BatchLedger

/// Ties plans to the state of the database.
struct LedgerHeadCheck {
    let session: Session

    private var ledger: Ledger { session.ledger }

    func head() throws(BatchError) -> LedgerHead {
        let state = try ledger.state() ?? StateDigest()
        func last(_ sql: String) throws(BatchError) -> Int64 { try ledger.connection.value(sql)?.integer ?? 0 }
        return LedgerHead(
            database: try ledger.meta("database_id") ?? "",
            batch: try last("SELECT max(seq) FROM main.batchmgr_batches"),
            checkpoint: try last("SELECT max(id) FROM main.batchmgr_checkpoints"), schema: state.schema,
            tables: state.tables.filter { $0.value.rows != 0 }.mapValues(\.digest))
    }

    /// Call it when drift has been taken into the ledger.
    /// - Throws: `ERR_UX_INVALID_PLAN` for another database, `ERR_DATA_STALE_PLAN` with what has moved since.
    func require(_ plan: BoundPlan) throws(BatchError) {
        let now = try head()
        guard now.database == plan.head.database else {
            throw BoundPlanFile.invalid("the plan is of another database")
        }
        if now == plan.head { return }
        throw BatchError(
            .stalePlan,
            "the plan for \(plan.batch) is out of date: \(try moved(plan.head, now).joined(separator: "; "))",
            hint: "write a new one: \(command: "rollback --id \(plan.batch) --plan-out FILE")")
    }

    /// The state is the one of the plan, so the same request leads to the same batches, unless somebody edited it.
    func require(_ plan: BoundPlan, _ made: RollbackPlan) throws(BatchError) {
        guard plan.agrees(with: made.order.map(\.batch), replayed: made.replayed.map(\.batch)) else {
            throw BoundPlanFile.invalid("the plan for \(plan.batch) names other batches than depend on it")
        }
    }

    /// In words, what happened since.
    func moved(_ then: LedgerHead, _ now: LedgerHead) throws(BatchError) -> [String] {
        let newer = try ledger.batches(where: "seq > ?", [.integer(then.batch)])
        if !newer.isEmpty {
            let names = newer.prefix(5).map(\.batch.description).joined(separator: ", ")
            return ["\(names)\(newer.count > 5 ? " and \(newer.count - 5) more" : "") ran since"]
        }
        let later = try ledger.checkpoints(where: "id > ?", [.integer(then.checkpoint)])
        if let first = later.first, let batch = try ledger.batch(seq: first.batch) {
            return ["\(batch.batch) went on since"]
        }
        return then.driftWords(to: now).map { "\($0) outside any batch" }
    }
}

public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// A plan as a file: JSON that ends with the SHA-256 of everything before it.
public enum BoundPlanFile {
    /// - Parameter details: what people want to see: reasons, rows, time.
    static func write(
        _ plan: BoundPlan, details: [JSONValue.Member], to path: String
    ) throws(BatchError) {
        if Folder.exists(path) {
            throw BatchError(.fileExists, "\(path) exists already", hint: "give another path: --plan-out FILE")
        }
        let members = plan.members + details
        let sealed = JSONValue.object(members + [.init("sha256", .string(hash(members)))])
        try DurableFile.write(Array((JSONWriter.text(sealed, indented: true) + "\n").utf8), to: path)
    }

    /// - Throws: `ERR_UX_INVALID_PLAN` when the text is no plan, or not as it was written.
    public static func read(_ text: String, path: String) throws(BatchError) -> BoundPlan {
        guard let json = try? JSONParser.parse(text, refusingRepeats: true), let members = json.members,
            let plan = BoundPlan(json: json)
        else {
            throw invalid("\(path) is not a plan of a rollback")
        }
        guard let last = members.last, last.key == "sha256", last.value.string == hash(Array(members.dropLast())) else {
            throw invalid("\(path) was changed after it was written")
        }
        return plan
    }

    static func invalid(_ message: String) -> BatchError {
        BatchError(
            .invalidPlan, message, hint: "write a plan: \(command: "rollback --id BATCH --plan-out FILE")")
    }

    private static func hash(_ members: [JSONValue.Member]) -> String {
        let hash = SHA256()
        Array(JSONWriter.text(.object(members)).utf8).withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}

/// What a plan tells people beside what it binds.
struct BoundPlanDetails {
    let session: Session
    let scope: RollbackScope

    /// Rows named one by one in a plan; of larger ones it has the counts alone.
    private static let mostRows = 1_000

    /// - Parameters:
    ///   - checkpoint: of the rehearsed rollback, in the open transaction; all after it belong to it too.
    ///   - milliseconds: that the rehearsal took.
    func members(from checkpoint: Int64, milliseconds: Double) throws(BatchError) -> [JSONValue.Member] {
        let rows = try preview(from: checkpoint)
        return [
            .init("dependents", .array(scope.reports.map(\.json))),
            .init("exempt", .array(scope.summaries(scope.exempt).map(\.json))),
            .init("preview", .object(rows.members(.none))),
            .init("estimate_ms", JSONValue(Int(milliseconds.rounded(.up)))),
            .init("created_at", .string(session.context.now().iso8601)), .init("actor", .string(session.context.actor)),
        ]
    }

    private func preview(from checkpoint: Int64) throws(BatchError) -> ChangesReport {
        let ledger = session.ledger
        let made = try ledger.checkpoints(where: "id >= ?", [.integer(checkpoint)])
        let count = made.reduce(0) { $0 + $1.rows.total }
        var list = ChangeList(session.connection, table: nil, isStatistics: count > BoundPlanDetails.mostRows)
        let changes = try BatchChanges(ledger, checkpoints: made.map(\.id))
        for table in changes.tables {
            guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
            try changes.forEachChange(of: table) { (row) throws(BatchError) in
                list.add(row, before: table.before, after: table.after)
            }
        }
        return list.report()
    }
}

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
            throw BoundPlanFile.invalid("the plan belongs to another database")
        }
        if now == plan.head { return }
        throw BatchError(
            .stalePlan,
            "the plan for \(plan.batch) is out of date: \(try moved(plan.head, now).joined(separator: "; "))",
            hint: "write a new one: \(command: "rollback --id \(plan.batch) --plan-out FILE")")
    }

    /// The state is the one of the plan, so the same request leads to the same batches, unless somebody edited it.
    func require(_ plan: BoundPlan, _ made: RollbackScope) throws(BatchError) {
        guard plan.agrees(with: made.order.map(\.batch), replayed: made.replayed.map(\.batch)) else {
            throw BoundPlanFile.invalid("the plan for \(plan.batch) does not name the batches that depend on it")
        }
    }

    /// In words, what happened since.
    func moved(_ then: LedgerHead, _ now: LedgerHead) throws(BatchError) -> [String] {
        // There may be any number of them, and five are named.
        let newer = try ledger.connection.rows(
            "SELECT batch FROM main.batchmgr_batches WHERE seq > ? ORDER BY seq LIMIT 5", [.integer(then.batch)]
        ).compactMap { $0[0].string }
        if !newer.isEmpty {
            let count =
                try ledger.connection.value(
                    "SELECT count(*) FROM main.batchmgr_batches WHERE seq > ?", [.integer(then.batch)])?.integer ?? 0
            let more = count > 5 ? " and \(count - 5) more" : ""
            return ["\(newer.joined(separator: ", "))\(more) ran since then"]
        }
        let later = try ledger.checkpoints(where: "id > ?", [.integer(then.checkpoint)])
        if let first = later.first, let batch = try ledger.batch(seq: first.batch) {
            return ["\(batch.batch) has continued since"]
        }
        return then.driftWords(to: now).map { "\($0) outside any batch" }
    }
}

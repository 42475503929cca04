internal import BatchCore
internal import BatchLedger

extension QueueFilter {
    /// The condition over `queue_jobs` that it is.
    /// - Parameter ofTotals: for the table of totals, where jobs that were removed do not count.
    func condition(ofTotals: Bool = false) -> (String, [SQLValue]) {
        let list = QueueState.list { states.contains($0) }
        let column = isRemoved ? "removed_state" : "state"
        var condition = states.isEmpty ? "1" : "\(column) IN (\(list))"
        if !ofTotals { condition += " AND removed_at IS \(isRemoved ? "NOT " : "")NULL" }
        var parameters: [SQLValue] = []
        for (column, value) in [("job", job), ("tenant", tenant)] {
            guard let value else { continue }
            parameters.append(.string(value))
            condition += " AND \(column) = ?\(parameters.count)"
        }
        if let now = stuckAt {
            // As `QueueJob.isStuck` says: a job for later is not late.
            let conditions = ages.map { state, age in
                "state = '\(state.rawValue)' AND \(state.sinceColumn) < \(now.milliseconds - age.wholeMilliseconds)"
            }
            condition += " AND (\(conditions.joined(separator: " OR ")))"
        }
        return (condition, parameters)
    }
}

extension QueueState {
    /// Since when a job waits in this state: one for later does not wait yet.
    var sinceColumn: String { self == .queued || self == .retrying ? "max(run_at, state_at)" : "state_at" }
}

extension QueueJob {
    static let columns = """
        number, job, tenant, arguments, priority, run_at, unique_key, sequence_key, max_attempts, backoff, timeout, run_key, \
        actor, created_at, state, state_at, attempts, crashes, epoch, stop, reason, batch, plan, schedule, enqueued_by, place, \
        put_back, kind, trace, enqueued_in
        """

    /// Nil for a row that cannot be read.
    /// - Parameter row: of `columns`.
    init?(_ row: [SQLValue]) {
        func number(_ place: Int) -> Int64 { row[place].integer ?? 0 }
        func time(_ place: Int) -> Timestamp { Timestamp(milliseconds: number(place)) }
        guard let state = row[14].string.flatMap(QueueState.init),
            let arguments = (try? JSONParser.parse(row[3].string ?? ""))?.array
        else { return nil }
        var order = QueueOrder(
            job: row[1].string ?? "", tenant: row[2].string, assignments: arguments.compactMap(\.string),
            priority: Int(number(4)), runAt: time(5), uniqueKey: row[6].string, sequenceKey: row[7].string,
            retry: RetryPolicy(attempts: Int(number(8)), backoff: number(9)),
            timeout: row[10].integer.map { .milliseconds($0) })
        order.schedule = row[23].string
        order.queuedBy = row[24].string.flatMap { QueuingStep(name: $0, identity: row[29].string ?? "") }
        order.place = row[25].string ?? ""
        order.kind = row[27].string.flatMap(QueueOrder.Kind.init) ?? .batch
        order.origin = row[28].string.flatMap(TraceOrigin.init)
        self.init(
            number: number(0), order: order, runKey: row[11].string ?? "", actor: row[12].string ?? "",
            createdAt: time(13), state: state, stateAt: time(15), attempts: Int(number(16)), crashes: Int(number(17)),
            epoch: number(18), isStopWished: number(19) == 1, reason: row[20].string, batch: row[21].string,
            plan: row[22].integer.map { Int($0) })
        isPutBack = number(26) == 1
    }
}

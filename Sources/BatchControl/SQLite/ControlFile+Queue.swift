public import BatchCore
internal import BatchLedger

/// The queue: what is in it, and how jobs come into it and are moved by people.
extension ControlFile {
    private static let open = QueueState.list { $0.isOpen }
    private static let lost = QueueState.list { $0.isLost }

    // MARK: Looking

    public func queueJob(_ number: Int64) throws(BatchError) -> QueueJob? {
        try queueJobs(where: "number = ?", [.integer(number)]).first
    }

    public func begunJob(runKey: String) throws(BatchError) -> QueueJob? {
        // The words of the index `queue_begun`.
        let begun = "(state IN ('waiting', 'retrying', 'failed', 'dead', 'cancelled', 'resolved') OR put_back = 1)"
        for condition in [begun, "state = 'running'"] {
            if let job = try queueJobs(where: "\(condition) AND run_key = ?", [.string(runKey)]).first { return job }
        }
        return nil
    }

    public func queueJobs(_ filter: QueueFilter) throws(BatchError) -> [QueueJob] {
        let (condition, parameters) = filter.condition()
        let before = filter.before.map { "number < \($0) AND " } ?? ""
        let limit = filter.limit.map { " LIMIT \($0)" } ?? ""
        return try queueJobs(where: "\(before)\(condition) ORDER BY number DESC\(limit)", parameters)
    }

    public func newlyStuck(_ ages: [QueueState: Duration], at now: Timestamp) throws(BatchError) -> [StuckJobs] {
        // Other ages are another question: all that is stuck then is told.
        let name = QueueState.allCases.compactMap { state in
            ages[state].map { "\(state.rawValue) \($0.wholeMilliseconds)" }
        }.joined(separator: ", ")
        return try connection.transaction { () throws(BatchError) in
            let sql = "SELECT value FROM counters WHERE name = 'stuck_seen' AND label = ?"
            let seen = try connection.value(sql, [.string(name)])?.integer ?? 0
            var found: [StuckJobs] = []
            for state in QueueState.allCases {
                guard let age = ages[state]?.wholeMilliseconds else { continue }
                found += try stuck(state, since: seen - age, before: now.milliseconds - age)
            }
            try connection.run(
                "INSERT OR REPLACE INTO counters VALUES('stuck_seen', ?, ?)",
                [.string(name), .integer(max(seen, now.milliseconds))])
            return found
        }
    }

    private func stuck(_ state: QueueState, since: Int64, before: Int64) throws(BatchError) -> [StuckJobs] {
        let time = state.sinceColumn
        // The words of the indexes `queue_waits` and `queue_changes`.
        let place = time == "state_at" ? "" : "state IN ('queued', 'retrying') AND "
        let sql = """
            SELECT job, count(*), min(number), min(\(time)) FROM queue_jobs WHERE \(place)state = ? AND \(time) >= ? \
            AND \(time) < ? AND removed_at IS NULL GROUP BY job ORDER BY 2 DESC, 1 LIMIT 100
            """
        return try connection.rows(sql, [.string(state.rawValue), .integer(since), .integer(before)]).map { row in
            StuckJobs(
                job: row[0].string ?? "", state: state, count: Int(row[1].integer ?? 0), number: row[2].integer ?? 0,
                since: Timestamp(milliseconds: row[3].integer ?? 0))
        }
    }

    public func queueCount(_ filter: QueueFilter) throws(BatchError) -> Int {
        let isCounted = filter.stuckAt == nil && !filter.isRemoved
        let (condition, parameters) = filter.condition(ofTotals: isCounted)
        let sql =
            isCounted
            ? "SELECT sum(jobs) FROM queue_totals WHERE \(condition)"
            : "SELECT count(*) FROM queue_jobs WHERE \(condition)"
        return Int(try connection.value(sql, parameters)?.integer ?? 0)
    }

    public func queueJobs(queuedBy batch: String, _ identity: String) throws(BatchError) -> [QueueJob] {
        // Names of steps follow a slash, and `0` is the character after it.
        try queueJobs(
            where: """
                enqueued_by > ?1 || '/' AND enqueued_by < ?1 || '0' AND (enqueued_in IS NULL OR enqueued_in = ?2) \
                ORDER BY number
                """, [.string(batch), .string(identity)])
    }

    public func queueJob(plan: Int) throws(BatchError) -> QueueJob? {
        try queueJobs(where: "state = 'waiting' AND plan = ?", [.integer(Int64(plan))]).first
    }

    public func queueJobs(changedBehind place: QueueChangePlace, limit: Int) throws(BatchError) -> [QueueJob] {
        try queueJobs(
            where: "(state_at, number) > (?, ?) ORDER BY state_at, number LIMIT ?",
            [.integer(place.at.milliseconds), .integer(place.number), .integer(Int64(limit))])
    }

    func queueJobs(where condition: String, _ parameters: [SQLValue]) throws(BatchError) -> [QueueJob] {
        let sql = "SELECT \(QueueJob.columns) FROM queue_jobs WHERE \(condition)"
        var jobs: [QueueJob] = []
        for row in try connection.rows(sql, parameters) {
            guard let job = QueueJob(row) else {
                let number = row[0].integer ?? 0
                throw damaged("job \(number) of the queue", table: "queue_jobs", where: "number = \(number)")
            }
            jobs.append(job)
        }
        return jobs
    }

    public func queueCounts() throws(BatchError) -> [QueueState: Int] {
        var counts: [QueueState: Int] = [:]
        for row in try connection.rows("SELECT state, sum(jobs) FROM queue_totals GROUP BY 1 HAVING sum(jobs) > 0") {
            if let state = row[0].string.flatMap(QueueState.init) { counts[state] = Int(row[1].integer ?? 0) }
        }
        return counts
    }

    public func queueFigures() throws(BatchError) -> QueueFigures {
        let oldest = try connection.value(
            """
            SELECT max(run_at, state_at) FROM queue_jobs INDEXED BY queue_waits WHERE state IN ('queued', 'retrying') \
            ORDER BY max(run_at, state_at) LIMIT 1
            """)?.integer
        func counted(_ name: String) throws(BatchError) -> Int64 {
            try connection.value("SELECT value FROM counters WHERE name = ?", [.string(name)])?.integer ?? 0
        }
        return QueueFigures(
            oldestReady: oldest.map { Timestamp(milliseconds: $0) }, attempts: try counted("attempts"),
            crashes: try counted("crashes"))
    }

    public func queueAttempts(_ number: Int64) throws(BatchError) -> [QueueAttempt] {
        let sql = """
            SELECT epoch, process, started_at, ended_at, outcome FROM queue_attempts WHERE number = ? ORDER BY epoch
            """
        return try connection.rows(sql, [.integer(number)]).map { row in
            QueueAttempt(
                epoch: row[0].integer ?? 0, process: row[1].integer ?? 0,
                startedAt: Timestamp(milliseconds: row[2].integer ?? 0),
                endedAt: row[3].integer.map { Timestamp(milliseconds: $0) }, outcome: row[4].string)
        }
    }

    public func obstacles(before jobs: [QueueJob]) throws(BatchError) -> [Int64: QueueObstacle] {
        var obstacles: [Int64: QueueObstacle] = [:]
        let pauses = try queuePauses()
        for job in jobs where job.state.isOpen && job.state != .running {
            if let pause = pauses.first(where: { $0.job == nil || $0.job == job.order.job }) {
                obstacles[job.number] = .paused(pause)
            }
        }
        let waiting = jobs.filter { job in
            job.state.isOpen && job.state != .running && job.order.sequenceKey != nil && obstacles[job.number] == nil
        }
        // The first unsettled job of a sequence stands before all others of it.
        var first: [String: (number: Int64, state: QueueState)] = [:]
        for key in Set(waiting.compactMap(\.order.sequenceKey)) {
            let sql = """
                SELECT number, state FROM queue_jobs WHERE sequence_key = ? AND \(ControlFile.unsettled) \
                ORDER BY number LIMIT 1
                """
            guard let row = try connection.rows(sql, [.string(key)]).first, let number = row[0].integer,
                let state = row[1].string.flatMap(QueueState.init)
            else { continue }
            first[key] = (number, state)
        }
        for job in waiting {
            guard let key = job.order.sequenceKey, let known = first[key], known.number < job.number else { continue }
            obstacles[job.number] = .behind(number: known.number, known.state)
        }
        try addWhatRuns(to: &obstacles, before: jobs)
        return obstacles
    }

    /// What runs keeps others from running beside it.
    private func addWhatRuns(
        to obstacles: inout [Int64: QueueObstacle], before jobs: [QueueJob]
    ) throws(BatchError) {
        let waiting = jobs.filter { $0.state.isOpen && $0.state != .running && obstacles[$0.number] == nil }
        if waiting.isEmpty { return }
        let running = try queueJobs(where: "state = 'running' ORDER BY number", [])
        if running.isEmpty { return }
        let full = try queueLimits().filter { limit in
            running.count { limit.holds(for: $0.order) } >= limit.most
        }
        for job in waiting {
            if let limit = full.first(where: { $0.holds(for: job.order) }) {
                obstacles[job.number] = .limited(limit)
            } else if !job.order.place.isEmpty, let other = running.first(where: { $0.order.place == job.order.place })
            {
                obstacles[job.number] = .besides(number: other.number)
            }
        }
    }

    /// Jobs that keep those of their sequence after them; the words of the index `queue_unsettled`.
    static let unsettled = "state NOT IN ('done', 'cancelled', 'resolved')"

    // MARK: Adding

    public func enqueue(
        _ order: QueueOrder, actor: String, at now: Timestamp
    ) throws(BatchError) -> (job: QueueJob, isNew: Bool) {
        try durably { () throws(BatchError) in try add(order, actor: actor, at: now) }
    }

    public func enqueue(
        _ orders: [QueueOrder], by step: QueuingStep, actor: String, at now: Timestamp
    ) throws(BatchError) -> [Int64] {
        try durably { () throws(BatchError) in
            let known = try connection.rows(
                """
                SELECT number FROM queue_jobs WHERE enqueued_by = ? AND (enqueued_in IS NULL OR enqueued_in = ?) \
                ORDER BY number
                """, [.string(step.name), .string(step.identity)])
            if !known.isEmpty { return known.compactMap { $0[0].integer } }
            var numbers: [Int64] = []
            for order in orders {
                var order = order
                order.queuedBy = step
                let (job, isNew) = try add(order, actor: actor, at: now)
                if isNew { numbers.append(job.number) }
            }
            return numbers
        }
    }

    /// In the open transaction.
    func add(
        _ order: QueueOrder, actor: String, at now: Timestamp
    ) throws(BatchError) -> (job: QueueJob, isNew: Bool) {
        if let key = order.uniqueKey,
            let known = try queueJobs(
                where: "unique_key = ? AND state IN (\(ControlFile.open))", [.string(key)]
            ).first
        {
            return (known, false)
        }
        let arguments = JSONWriter.text(.array(order.assignments.map(JSONValue.string)))
        try connection.run(
            """
            INSERT INTO queue_jobs(kind, job, tenant, arguments, priority, run_at, unique_key, sequence_key, max_attempts, \
            backoff, timeout, run_key, actor, created_at, state, state_at, schedule, enqueued_by, place, turn, trace, \
            enqueued_in) \
            VALUES(?17, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
            CASE WHEN ?13 IS NULL THEN 'queue.' ELSE 'queue.schedule.' END || lower(hex(randomblob(8))), ?11, ?12, \
            'queued', ?12, ?13, ?14, ?15, ?16, ?18, ?19)
            """,
            [
                .string(order.job), .optional(order.tenant), .string(arguments), .integer(Int64(order.priority)),
                .integer(order.runAt.milliseconds), .optional(order.uniqueKey), .optional(order.sequenceKey),
                .integer(Int64(order.retry.attempts)), .integer(order.retry.backoff),
                order.timeout.map { .integer($0.wholeMilliseconds) } ?? .null, .string(actor),
                .integer(now.milliseconds), .optional(order.schedule), .optional(order.queuedBy?.name),
                .string(order.place), order.runAt <= now ? .integer(try nextTurn(of: order.tenant)) : .null,
                .string(order.kind.rawValue), .optional(order.origin?.text), .optional(order.queuedBy?.identity),
            ])
        return (try known(connection.lastInsertRowID), true)
    }

    /// - Throws: `ERR_UX_USAGE` when there is no such job.
    private func known(_ number: Int64) throws(BatchError) -> QueueJob {
        if let job = try queueJob(number) { return job }
        throw BatchError(
            .unknownQueueJob, "the queue has no job \(number)", hint: "see what is in it: \(command: "queue list")")
    }

    // MARK: Moving

    public func cancel(_ number: Int64, reason: String, at now: Timestamp) throws(BatchError) -> QueueJob {
        try durably { () throws(BatchError) in try cancelInTransaction(number, reason: reason, at: now) }
    }

    func cancelInTransaction(_ number: Int64, reason: String, at now: Timestamp) throws(BatchError) -> QueueJob {
        let job = try known(number)
        if job.state == .running {
            try connection.run(
                "UPDATE queue_jobs SET stop = 1, reason = ? WHERE number = ?", [.string(reason), .integer(number)])
            return try known(number)
        }
        guard job.state.isOpen else { throw ControlFile.wrongState(job, "so there is nothing to cancel") }
        return try set(job, .cancelled, reason: reason, at: now)
    }

    public func retry(_ number: Int64, at now: Timestamp) throws(BatchError) -> QueueJob {
        try durably { () throws(BatchError) in
            let job = try known(number)
            guard
                [.failed, .dead, .cancelled, .retrying].contains(job.state) || job.state == .waiting && job.plan == nil
            else { throw ControlFile.wrongState(job, "so it cannot be tried again") }
            return try putBack(job, at: now)
        }
    }

    public func resolve(_ number: Int64, reason: String, at now: Timestamp) throws(BatchError) -> QueueJob {
        try durably { () throws(BatchError) in
            let job = try known(number)
            guard job.state.isLost else { throw ControlFile.wrongState(job, "so there is nothing to settle") }
            return try set(
                job, .resolved, reason: "\(reason) (was \(job.state.rawValue): \(job.reason ?? ""))", at: now)
        }
    }

    public func redrive(_ filter: QueueFilter, at now: Timestamp) throws(BatchError) -> [Int64] {
        try durably { () throws(BatchError) in
            let (condition, parameters) = filter.condition()
            let jobs = try queueJobs(
                where: "\(condition) AND state IN (\(ControlFile.lost)) ORDER BY number", parameters)
            for job in jobs { _ = try putBack(job, at: now) }
            return jobs.map(\.number)
        }
    }

    private func putBack(_ job: QueueJob, at now: Timestamp) throws(BatchError) -> QueueJob {
        if let key = job.order.uniqueKey,
            let other = try queueJobs(
                where: "unique_key = ? AND state IN (\(ControlFile.open)) AND number <> ?",
                [.string(key), .integer(job.number)]
            ).first
        {
            throw BatchError(
                .wrongState,
                "job \(other.number) has the unique key of job \(job.number) and is \(other.state.rawValue)",
                hint: "settle the old one: \(command: "queue resolve --id \(job.number) --reason TEXT")")
        }
        try connection.run(
            "UPDATE queue_jobs SET attempts = 0, crashes = 0, put_back = 1, stop = 0, plan = NULL, run_at = ?, turn = NULL, removed_at = NULL WHERE number = ?",
            [.integer(now.milliseconds), .integer(job.number)])
        return try set(job, .queued, reason: job.reason, at: now)
    }

    func set(_ job: QueueJob, _ state: QueueState, reason: String?, at now: Timestamp) throws(BatchError) -> QueueJob {
        try connection.run(
            "UPDATE queue_jobs SET state = ?, state_at = ?, reason = ? WHERE number = ?",
            [.string(state.rawValue), .integer(now.milliseconds), .optional(reason), .integer(job.number)])
        return try known(job.number)
    }

    private static func wrongState(_ job: QueueJob, _ what: String) -> BatchError {
        BatchError(
            .wrongState, "job \(job.number) is \(job.state.rawValue), \(what)",
            hint: "see it: \(command: "queue show --id \(job.number)")")
    }

    // MARK: Forgetting

    public func forgetJobs(settledBefore time: Timestamp, removedBefore removal: Timestamp) throws(BatchError) {
        let settled = """
            (state IN ('done', 'cancelled', 'resolved') AND state_at < ?1 OR removed_at IS NOT NULL AND removed_at < ?2)
            """
        let times: [SQLValue] = [.integer(time.milliseconds), .integer(removal.milliseconds)]
        let known = try connection.value("SELECT 1 FROM queue_jobs WHERE \(settled) LIMIT 1", times)
        guard known != nil else { return }
        try connection.transaction { () throws(BatchError) in
            try connection.run(
                "DELETE FROM queue_attempts WHERE number IN (SELECT number FROM queue_jobs WHERE \(settled))", times)
            try connection.run("DELETE FROM queue_jobs WHERE \(settled)", times)
        }
    }
}

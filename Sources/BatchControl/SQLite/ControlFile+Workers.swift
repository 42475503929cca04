public import BatchCore
public import BatchLedger

/// What workers do to the queue.
extension ControlFile: QueueStore {
    /// An owner that cannot be looked at, in another container, is dead when it says nothing for so many milliseconds.
    private static let silence: Int64 = 60_000

    public func claim(_ worker: LeaseOwner, at now: Timestamp, on place: String?) throws(BatchError) -> QueueJob? {
        // A power cut may take a claim back: then the ledger knows by its key what the job has done.
        try connection.transaction { () throws(BatchError) in
            if place == nil {
                try putBackJobsOfTheDead(worker, at: now)
                try settlePlans(at: now)
            }
            return try claimInTransaction(worker, at: now, on: place)
        }
    }

    private func claimInTransaction(
        _ worker: LeaseOwner, at now: Timestamp, on place: String?
    ) throws(BatchError) -> QueueJob? {
        try giveTurns(at: now)
        guard let number = try nextJob(on: place) else { return nil }
        try connection.run(
            """
            UPDATE queue_jobs SET state = 'running', state_at = ?1, attempts = attempts + 1, epoch = epoch + 1, \
            process = ?2, started = ?3, boot = ?4, namespace = ?5, machine = ?6, beat_at = ?1 WHERE number = ?7
            """,
            [
                .integer(now.milliseconds), .integer(worker.process), .string(worker.startedAt),
                .string(worker.boot), .string(worker.namespace), .string(worker.machine), .integer(number),
            ])
        guard let job = try queueJob(number) else { return nil }
        try connection.run(
            "INSERT INTO queue_attempts(number, epoch, process, started_at) VALUES(?, ?, ?, ?)",
            [.integer(number), .integer(job.epoch), .integer(worker.process), .integer(now.milliseconds)])
        return job
    }

    // MARK: Whose turn it is

    /// By their index: SQLite would look through all of them by `queue_states`, for every claim.
    private static let readyJobs =
        "queue_jobs INDEXED BY queue_by_turn WHERE state IN ('queued', 'waiting', 'retrying') AND turn IS NOT NULL"
    /// Jobs that get their turn at once.
    private static let mostTurns: Int64 = 500

    /// Fair between tenants: a job comes after as many others of its tenant as there are before it, and not before what is
    /// being done now. So one tenant with a thousand jobs and one with a single job take turns.
    func nextTurn(of tenant: String?) throws(BatchError) -> Int64 {
        let name = SQLValue.string(tenant ?? "")
        let sql =
            "SELECT max(coalesce((SELECT turn FROM queue_turns WHERE tenant = ?), 0), (SELECT turn FROM queue_turn))"
        let turn = (try connection.value(sql, [name])?.integer ?? 0) + 1
        try connection.run("INSERT OR REPLACE INTO queue_turns VALUES(?, ?)", [name, .integer(turn)])
        return turn
    }

    /// To jobs whose time has come.
    private func giveTurns(at now: Timestamp) throws(BatchError) {
        let sql = """
            SELECT number, tenant FROM queue_jobs INDEXED BY queue_by_time \
            WHERE state IN ('queued', 'waiting', 'retrying') AND turn IS NULL AND run_at <= ? ORDER BY run_at, number LIMIT ?
            """
        for row in try connection.rows(sql, [.integer(now.milliseconds), .integer(ControlFile.mostTurns)]) {
            try connection.run(
                "UPDATE queue_jobs SET turn = ? WHERE number = ?", [.integer(try nextTurn(of: row[1].string)), row[0]])
        }
    }

    /// Of the places where no worker is, the first: by priority, then by turn. A place is a database that one worker at a
    /// time can work on.
    private func nextJob(on preferred: String?) throws(BatchError) -> Int64? {
        let places = """
            WITH RECURSIVE known(place) AS (SELECT min(place) FROM \(ControlFile.readyJobs) UNION ALL \
            SELECT (SELECT min(place) FROM \(ControlFile.readyJobs) AND place > known.place) FROM known \
            WHERE known.place IS NOT NULL) SELECT place FROM known WHERE place IS NOT NULL AND (place = '' OR NOT EXISTS \
            (SELECT 1 FROM queue_jobs r WHERE r.state = 'running' AND r.place = known.place))
            """
        var best: (number: Int64, priority: Int64, isElsewhere: Int, turn: Int64)?
        let blocked = try blocked()
        if blocked.isAll { return nil }
        var candidates: [(place: [SQLValue], row: [SQLValue])] = []
        for place in try connection.rows(places) {
            candidates += try firstJobs(in: place[0], blocked).map { (place, $0) }
        }
        for (place, row) in candidates {
            let found = (
                number: row[0].integer ?? 0, priority: row[1].integer ?? 0,
                isElsewhere: preferred != nil && place[0].string != preferred ? 1 : 0, turn: row[2].integer ?? 0
            )
            guard let known = best else {
                best = found
                continue
            }
            if (-found.priority, found.isElsewhere, found.turn, found.number)
                < (-known.priority, known.isElsewhere, known.turn, known.number)
            {
                best = found
            }
        }
        guard let best else { return nil }
        try connection.run("UPDATE queue_turn SET turn = max(turn, ?)", [.integer(best.turn)])
        return best.number
    }

    /// What may not begin now, whoever would take it.
    private struct Blocked {
        var isAll = false
        var jobs: Set<String> = []
        var kinds: Set<String> = []
    }

    private func blocked() throws(BatchError) -> Blocked {
        let pauses = try connection.rows("SELECT job FROM queue_pauses").compactMap { $0[0].string }
        func full(_ table: String, _ column: String) throws(BatchError) -> Set<String> {
            let sql = """
                SELECT \(column) FROM \(table) l WHERE l.most <= (SELECT count(*) FROM queue_jobs r \
                WHERE r.state = 'running' AND r.\(column) = l.\(column))
                """
            return Set(try connection.rows(sql).compactMap { $0[0].string })
        }
        return Blocked(
            isAll: pauses.contains(""), jobs: try full("queue_limits", "job").union(pauses),
            kinds: try full("queue_kind_limits", "kind"))
    }

    private static let theFirst = "ORDER BY priority DESC, turn, number LIMIT 1"
    private static let isItsTurn = """
        (sequence_key IS NULL OR NOT EXISTS (SELECT 1 FROM queue_jobs e WHERE \
        e.sequence_key = queue_jobs.sequence_key AND e.number < queue_jobs.number AND e.\(unsettled)))
        """

    /// Of one place: the first that may begin; where some may not, the first of each definition that may. So nobody looks
    /// through a million jobs that are paused.
    private func firstJobs(in place: SQLValue, _ blocked: Blocked) throws(BatchError) -> [[SQLValue]] {
        let what = "SELECT number, priority, turn FROM"
        if blocked.jobs.isEmpty, blocked.kinds.isEmpty {
            return try connection.rows(
                """
                \(what) \(ControlFile.readyJobs) AND plan IS NULL AND place = ? AND \(ControlFile.isItsTurn) \
                \(ControlFile.theFirst)
                """, [place])
        }
        let ready = ControlFile.readyJobs.replacing("queue_by_turn", with: "queue_by_kind")
        let kinds = "SELECT kind, job FROM \(ready) AND place = ? AND"
        // SQLite would look through all of a kind for (kind, job) > (?, ?).
        func next(after pair: [SQLValue]?) throws(BatchError) -> [SQLValue]? {
            guard let pair else {
                return try connection.rows("\(kinds) kind > '' ORDER BY kind, job LIMIT 1", [place]).first
            }
            let ofKind = "\(kinds) kind = ? AND job > ? ORDER BY job LIMIT 1"
            if let next = try connection.rows(ofKind, [place] + pair).first { return next }
            return try connection.rows("\(kinds) kind > ? ORDER BY kind, job LIMIT 1", [place, pair[0]]).first
        }
        var (known, first): ([SQLValue]?, [[SQLValue]]) = (nil, [])
        while let pair = try next(after: known) {
            known = pair
            if blocked.kinds.contains(pair[0].string ?? "") || blocked.jobs.contains(pair[1].string ?? "") { continue }
            first += try connection.rows(
                """
                \(what) \(ready) AND plan IS NULL AND place = ? AND kind = ? AND job = ? AND \(ControlFile.isItsTurn) \
                \(ControlFile.theFirst)
                """, [place] + pair)
        }
        return first
    }

    // MARK: Workers

    /// A worker that claims has no job: one that still bears its name was left by an attempt that could not be noted.
    private func putBackJobsOfTheDead(_ worker: LeaseOwner, at now: Timestamp) throws(BatchError) {
        let sql =
            "SELECT number, process, started, boot, namespace, machine, beat_at FROM queue_jobs WHERE state = 'running'"
        for row in try connection.rows(sql) {
            func text(_ place: Int) -> String { row[place].string ?? "" }
            let owner = LeaseOwner(
                process: row[1].integer ?? 0, startedAt: text(2), boot: text(3), namespace: text(4), machine: text(5))
            let isDead =
                switch owner.life {
                case .alive: owner == worker
                case .dead: true
                case .unknown: now.milliseconds - (row[6].integer ?? 0) > ControlFile.silence
                }
            guard isDead, let number = row[0].integer, let job = try queueJob(number) else { continue }
            try increase(.leaseExpirations, job.order.job)
            try putBack(job, of: owner, at: now)
        }
    }

    private func putBack(_ job: QueueJob, of owner: LeaseOwner, at now: Timestamp) throws(BatchError) {
        let crashes = job.crashes + 1
        let known = try connection.value(
            "SELECT outcome FROM queue_attempts WHERE number = ? AND epoch = ?",
            [.integer(job.number), .integer(job.epoch)])?.string
        let reason = "\(known ?? "its worker, process \(owner.process), died") (crash \(crashes))"
        try note(reason, of: job, at: now)
        try connection.run(
            "UPDATE queue_attempts SET crashed = 1 WHERE number = ? AND epoch = ?",
            [.integer(job.number), .integer(job.epoch)])
        let lately =
            try connection.value(
                "SELECT count(*) FROM queue_attempts WHERE number = ? AND crashed = 1 AND ended_at > ?",
                [.integer(job.number), .integer(now.milliseconds - QueueJob.replaySpan.wholeMilliseconds)])?.integer
            ?? 0
        try connection.run(
            "UPDATE queue_jobs SET crashes = ?, put_back = 0, attempts = attempts - 1, run_at = ? WHERE number = ?",
            [.integer(Int64(crashes)), .integer(now.milliseconds), .integer(job.number)])
        if job.isStopWished {
            _ = try set(job, .cancelled, reason: job.reason, at: now)
        } else {
            let isMeant = lately <= Int64(QueueJob.mostReplays)
            _ = try set(
                job, isMeant ? .retrying : .dead,
                reason: isMeant ? reason : "\(reason); it was started again \(QueueJob.mostReplays) times in 24 h",
                at: now)
        }
    }

    private func settlePlans(at now: Timestamp) throws(BatchError) {
        for job in try queueJobs(where: "state = 'waiting' AND plan IS NOT NULL", []) {
            guard let number = job.plan, let plan = try plan(PatchPlanID(number)) else { continue }
            switch plan.status {
            case .applied:
                try connection.run(
                    "UPDATE queue_jobs SET batch = ? WHERE number = ?", [.optional(plan.batch), .integer(job.number)])
                _ = try set(job, .done, reason: nil, at: now)
            case .rejected:
                _ = try set(job, .failed, reason: "\(plan.id) was rejected: \(plan.reason ?? "")", at: now)
            case .failed:
                _ = try set(job, .failed, reason: "\(plan.id) failed: \(plan.reason ?? "")", at: now)
            case .proposed, .approved:
                // What nobody has approved in its time is rejected.
                guard let expiry = Timestamp(iso8601: plan.expiresAt), expiry <= now else { continue }
                _ = try set(job, .failed, reason: "\(plan.id) expired", at: now)
            case .applying: continue
            }
        }
    }

    public func nextLook(after now: Timestamp) throws(BatchError) -> Timestamp? {
        let sql = """
            SELECT min(run_at) FROM queue_jobs WHERE run_at > ?1 AND (state = 'retrying' AND run_at <= ?1 + 360000 \
            OR state = 'waiting' AND plan IS NULL AND run_at <= ?1 + 5000)
            """
        return try connection.value(sql, [.integer(now.milliseconds)])?.integer.map { Timestamp(milliseconds: $0) }
    }

    public func beat(_ job: QueueJob, at now: Timestamp) throws(BatchError) -> QueueBeat {
        try connection.run(
            "UPDATE queue_jobs SET beat_at = ? WHERE number = ? AND epoch = ? AND state = 'running'",
            [.integer(now.milliseconds), .integer(job.number), .integer(job.epoch)])
        guard connection.changes == 1 else { return QueueBeat(isOurs: false, isStopWished: false) }
        return QueueBeat(isOurs: true, isStopWished: try queueJob(job.number)?.isStopWished == true)
    }

    public func finish(_ job: QueueJob, _ outcome: QueueOutcome, at now: Timestamp) throws(BatchError) -> QueueJob? {
        try finished(outcome) { () throws(BatchError) in try finishInTransaction(job, outcome, at: now) }
    }

    public func finish(
        _ job: QueueJob, _ outcome: QueueOutcome, at now: Timestamp, claimingFor worker: LeaseOwner, on place: String
    ) throws(BatchError) -> (ended: QueueJob?, next: QueueJob?) {
        try finished(outcome) { () throws(BatchError) in
            let ended = try finishInTransaction(job, outcome, at: now)
            return (ended, try claimInTransaction(worker, at: now, on: place))
        }
    }

    /// That a batch is done its ledger knows for good: claimed again after a power cut, the job hears it from there.
    private func finished<Result>(
        _ outcome: QueueOutcome, _ body: () throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        outcome.batch == nil ? try durably(body) : try connection.transaction(body)
    }

    private func finishInTransaction(
        _ job: QueueJob, _ outcome: QueueOutcome, at now: Timestamp
    ) throws(BatchError) -> QueueJob? {
        let known = try connection.value(
            "SELECT epoch FROM queue_jobs WHERE number = ? AND state = 'running'", [.integer(job.number)])
        guard known?.integer == job.epoch else {
            try increase(.fencedWrites, job.order.job)
            return nil
        }
        let (state, reason, words) = ControlFile.ending(outcome)
        if case .again = outcome { try increase(.retries, job.order.job) }
        try note(words, of: job, at: now)
        try connection.run(
            """
            UPDATE queue_jobs SET run_at = coalesce(?, run_at), batch = coalesce(?, batch), plan = ?, \
            attempts = attempts - ?, process = NULL, beat_at = NULL, turn = NULL, state = ?, state_at = ?, reason = ? \
            WHERE number = ?
            """,
            [
                outcome.time.map { .integer($0.milliseconds) } ?? .null, .optional(outcome.batch),
                outcome.plan.map { .integer(Int64($0)) } ?? .null,
                .integer(state == .waiting && outcome.plan == nil ? 1 : 0), .string(state.rawValue),
                .integer(now.milliseconds), .optional(reason), .integer(job.number),
            ])
        return try queueJob(job.number)
    }

    private static func ending(_ outcome: QueueOutcome) -> (QueueState, reason: String?, words: String) {
        switch outcome {
        case .done(let batch): (.done, nil, "done: \(batch ?? "nothing was to be done")")
        case .planned(let plan): (.waiting, nil, "plan.\(plan) waits for approval")
        case .heldBack(let reason, _): (.waiting, reason, "held back: \(reason)")
        case .again(let reason, _): (.retrying, reason, reason)
        case .gaveUp(let reason): (.dead, reason, "given up: \(reason)")
        case .failed(let reason): (.failed, reason, reason)
        case .cancelled(let reason): (.cancelled, reason, "cancelled: \(reason)")
        }
    }

    private func note(_ outcome: String, of job: QueueJob, at now: Timestamp) throws(BatchError) {
        try connection.run(
            "UPDATE queue_attempts SET ended_at = ?, outcome = ? WHERE number = ? AND epoch = ?",
            [.integer(now.milliseconds), .string(outcome), .integer(job.number), .integer(job.epoch)])
    }
}

extension QueueOutcome {
    fileprivate var time: Timestamp? {
        switch self {
        case .heldBack(_, let time), .again(_, let time): time
        default: nil
        }
    }

    fileprivate var batch: String? { if case .done(let batch) = self { batch } else { nil } }
    fileprivate var plan: Int? { if case .planned(let plan) = self { plan } else { nil } }
}

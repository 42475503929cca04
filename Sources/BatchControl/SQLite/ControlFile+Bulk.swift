public import BatchCore
internal import BatchLedger

/// What is done to many jobs of the queue at once, by a filter, in slices that each are a transaction; and what keeps jobs
/// of one name from running: pauses and limits.
extension ControlFile {
    private static let slice: Int64 = 20_000

    public func queueCount(_ action: QueueBulkAction, _ filter: QueueFilter) throws(BatchError) -> Int {
        let (condition, parameters) = ControlFile.condition(action, filter)
        let sql = "SELECT count(*) FROM queue_jobs WHERE \(condition)"
        return Int(try connection.value(sql, parameters)?.integer ?? 0)
    }

    private static func condition(_ action: QueueBulkAction, _ filter: QueueFilter) -> (String, [SQLValue]) {
        var filter = filter
        let states = action.states
        filter.states = filter.states.isEmpty ? states : filter.states.filter(states.contains)
        filter.isRemoved = action == .restore
        var (condition, parameters) = filter.condition()
        // None of the states that were named is one that it can be done to.
        if filter.states.isEmpty { condition += " AND 0" }
        if action == .retry {
            condition += """
                 AND (unique_key IS NULL OR NOT EXISTS (SELECT 1 FROM queue_jobs o WHERE o.unique_key = \
                queue_jobs.unique_key AND o.state IN ('queued', 'running', 'waiting', 'retrying')))
                """
        }
        parameters.reserveCapacity(parameters.count + 4)
        return (condition, parameters)
    }

    public func act(
        _ action: QueueBulkAction, _ filter: QueueFilter, behind number: Int64, reason: String, at now: Timestamp
    ) throws(BatchError) -> (changed: Int, last: Int64?) {
        try durably { () throws(BatchError) in
            let (condition, parameters) = ControlFile.condition(action, filter)
            let last = try connection.value(
                """
                SELECT max(number) FROM (SELECT number FROM queue_jobs WHERE number > \(number) AND \(condition) \
                ORDER BY number LIMIT \(ControlFile.slice))
                """, parameters)?.integer
            guard let last else { return (0, nil) }
            let changes = ControlFile.changes(action, at: now, place: parameters.count + 1)
            var changed = 0
            for (state, change) in changes {
                let own = change.contains("?\(parameters.count + 1)") ? [SQLValue.string(reason)] : []
                try connection.run(
                    """
                    UPDATE OR IGNORE queue_jobs SET \(change) WHERE number > \(number) AND number <= \(last) \
                    AND \(condition) AND \(state)
                    """, parameters + own)
                changed += connection.changes
            }
            return (changed, last)
        }
    }

    /// Of a job that was removed: what stands behind the words of who removed it.
    private static let reasonBefore: String = {
        let begin = "instr(reason, ' (was ' || removed_state || ': ')"
        let behind = "\(begin) + length(removed_state) + 8"
        return """
            CASE WHEN \(begin) = 0 THEN reason \
            ELSE nullif(substr(reason, \(behind), length(reason) - (\(behind))), '') END
            """
    }()

    /// For which jobs what is set.
    /// - Parameter place: of the reason among the parameters.
    private static func changes(
        _ action: QueueBulkAction, at now: Timestamp, place: Int
    ) -> [(state: String, change: String)] {
        let time = "\(now.milliseconds)"
        return switch action {
        case .cancel:
            [
                ("state = 'running'", "stop = 1, reason = ?\(place)"),
                ("state <> 'running'", "state = 'cancelled', state_at = \(time), reason = ?\(place)"),
            ]
        case .retry:
            [
                (
                    "1",
                    "attempts = 0, crashes = 0, put_back = 1, stop = 0, plan = NULL, run_at = \(time), turn = NULL, state = 'queued', state_at = \(time)"
                )
            ]
        case .resolve:
            [
                (
                    "1",
                    "reason = ?\(place) || ' (was ' || state || ': ' || coalesce(reason, '') || ')', state = 'resolved', state_at = \(time)"
                )
            ]
        case .remove:
            [
                (
                    "1",
                    """
                    removed_state = state, removed_at = \(time), reason = ?\(place) || ' (was ' || state || ': ' || \
                    coalesce(reason, '') || ')', state = 'cancelled', state_at = \(time)
                    """
                )
            ]
        case .restore:
            [
                (
                    "1",
                    """
                    state = CASE WHEN removed_state IN ('waiting', 'retrying') AND plan IS NULL THEN 'queued' \
                    ELSE removed_state END, reason = \(reasonBefore), removed_state = NULL, removed_at = NULL, \
                    state_at = \(time), turn = NULL
                    """
                )
            ]
        }
    }

    // MARK: Pauses

    public func queuePauses() throws(BatchError) -> [QueuePause] {
        try connection.rows("SELECT job, actor, reason, at FROM queue_pauses ORDER BY job").map { row in
            let job = row[0].string ?? ""
            return QueuePause(
                job: job.isEmpty ? nil : job, actor: row[1].string ?? "", reason: row[2].string ?? "",
                at: Timestamp(milliseconds: row[3].integer ?? 0))
        }
    }

    public func pause(_ pause: QueuePause) throws(BatchError) {
        try durably { () throws(BatchError) in
            try connection.run(
                "INSERT OR REPLACE INTO queue_pauses VALUES(?, ?, ?, ?)",
                [
                    .string(pause.job ?? ""), .string(pause.actor), .string(pause.reason),
                    .integer(pause.at.milliseconds),
                ])
        }
    }

    public func unpause(job: String?) throws(BatchError) -> Bool {
        try durably { () throws(BatchError) in
            try connection.run("DELETE FROM queue_pauses WHERE job = ?", [.string(job ?? "")])
            return connection.changes > 0
        }
    }

    // MARK: Limits

    public func setQueueLimit(_ most: Int?, of subject: QueueLimit.Subject) throws(BatchError) {
        let (table, column, name) =
            switch subject {
            case .job(let name): ("queue_limits", "job", name)
            case .kind(let kind): ("queue_kind_limits", "kind", kind.rawValue)
            }
        try durably { () throws(BatchError) in
            if let most {
                try connection.run(
                    "INSERT OR REPLACE INTO \(table) VALUES(?, ?)", [.string(name), .integer(Int64(most))])
            } else {
                try connection.run("DELETE FROM \(table) WHERE \(column) = ?", [.string(name)])
            }
        }
    }

    public func queueLimits() throws(BatchError) -> [QueueLimit] {
        let jobs = try connection.rows("SELECT job, most FROM queue_limits ORDER BY job").map { row in
            QueueLimit(.job(row[0].string ?? ""), most: Int(row[1].integer ?? 0))
        }
        let kinds = try connection.rows("SELECT kind, most FROM queue_kind_limits ORDER BY kind")
        return jobs
            + kinds.compactMap { row in
                row[0].string.flatMap(QueueOrder.Kind.init).map {
                    QueueLimit(.kind($0), most: Int(row[1].integer ?? 0))
                }
            }
    }
}

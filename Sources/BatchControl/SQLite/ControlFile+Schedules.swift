public import BatchCore
internal import BatchLedger

extension ControlFile: ScheduleStore {
    /// Of each schedule so many firings stay. Not by age: a clock that was set forward must not take the latest ones.
    private static let kept: Int64 = 1_000

    private static let columns = """
        name, job, definition, source, actor, seen_to, next_at, paused_by, paused_reason, paused_at
        """

    // MARK: Schedules

    public func schedules() throws(BatchError) -> [ScheduleRecord] { try schedules(where: "1 ORDER BY name", []) }

    public func schedule(_ name: String) throws(BatchError) -> ScheduleRecord? {
        try schedules(where: "name = ?", [.string(name)]).first
    }

    public func dueSchedules(at now: Timestamp) throws(BatchError) -> [ScheduleRecord] {
        let time = SQLValue.integer(now.milliseconds)
        return try schedules(where: "paused_at IS NULL AND next_at <= ?", [time])
            + schedules(where: "seen_to > ? AND paused_at IS NULL", [time])
    }

    private func schedules(where condition: String, _ parameters: [SQLValue]) throws(BatchError) -> [ScheduleRecord] {
        let sql = "SELECT \(ControlFile.columns) FROM schedules WHERE \(condition)"
        var found: [ScheduleRecord] = []
        for row in try connection.rows(sql, parameters) {
            let name = row[0].string ?? ""
            guard let json = row[2].string.flatMap({ try? JSONParser.parse($0) }),
                let definition = ScheduleDefinition(json),
                let source = row[3].string.flatMap(ScheduleRecord.Source.init)
            else {
                throw damaged("the schedule \(name)", table: "schedules")
            }
            let pause = row[9].integer.map { time in
                ScheduleRecord.Pause(
                    actor: row[7].string ?? "", reason: row[8].string ?? "", at: Timestamp(milliseconds: time))
            }
            found.append(
                ScheduleRecord(
                    name: name, job: row[1].string ?? "", definition: definition, source: source,
                    actor: row[4].string ?? "", seenTo: Timestamp(milliseconds: row[5].integer ?? 0),
                    next: row[6].integer.map { Timestamp(milliseconds: $0) }, pause: pause))
        }
        return found
    }

    public func put(_ schedule: ScheduleRecord, at now: Timestamp) throws(BatchError) {
        try durably { () throws(BatchError) in
            try connection.run(
                """
                INSERT INTO schedules(name, job, arguments, definition, source, actor, changed_at, seen_to, next_at) \
                VALUES(?1, ?2, '[]', ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(name) DO UPDATE SET job = excluded.job, \
                definition = excluded.definition, source = excluded.source, actor = excluded.actor, \
                changed_at = excluded.changed_at, seen_to = excluded.seen_to, next_at = excluded.next_at
                """,
                [
                    .string(schedule.name), .string(schedule.job), .string(JSONWriter.text(schedule.definition.json)),
                    .string(schedule.source.rawValue), .string(schedule.actor), .integer(now.milliseconds),
                    .integer(schedule.seenTo.milliseconds), .time(schedule.next),
                ])
        }
    }

    public func removeSchedule(_ name: String) throws(BatchError) -> Bool {
        try durably { () throws(BatchError) in
            try connection.run("DELETE FROM schedules WHERE name = ?", [.string(name)])
            let isRemoved = connection.changes > 0
            try connection.run(
                "UPDATE firings SET outcome = 'skipped', reason = 'its schedule was removed' WHERE schedule = ? AND outcome = 'waiting'",
                [.string(name)])
            return isRemoved
        }
    }

    public func pause(_ schedule: ScheduleRecord, at now: Timestamp) throws(BatchError) {
        try durably { () throws(BatchError) in
            try connection.run(
                """
                UPDATE schedules SET paused_by = ?, paused_reason = ?, paused_at = ?, seen_to = ?, next_at = ? \
                WHERE name = ?
                """,
                [
                    .optional(schedule.pause?.actor), .optional(schedule.pause?.reason), .time(schedule.pause?.at),
                    .integer(schedule.seenTo.milliseconds), .time(schedule.next), .string(schedule.name),
                ])
        }
    }

    // MARK: Firing

    public func fire(
        _ schedule: ScheduleRecord, _ planned: [PlannedFiring], cause: FiringCause,
        seenTo: (time: Timestamp, next: Timestamp?)?, at now: Timestamp, orders: (Timestamp) -> [QueueOrder]
    ) throws(BatchError) -> [Firing] {
        try durably { () throws(BatchError) in
            guard let known = try self.schedule(schedule.name), known == schedule else { return [] }
            // Those that are decided together do not stand in each other's way.
            var open = cause == .clock ? try openJobs(of: schedule.name) : []
            var firings: [Firing] = []
            for plan in planned {
                let isOverlapping = !open.isEmpty && schedule.definition.overlap == .skip
                if let firing = try write(
                    plan, of: schedule, cause, at: now, orders, behind: isOverlapping ? open.first : nil)
                {
                    firings.append(firing)
                    if firing.job != nil, schedule.definition.overlap == .cancel {
                        try cancel(open, because: firing, at: now)
                        open = []
                    }
                }
            }
            if let seenTo {
                try connection.run(
                    "UPDATE schedules SET seen_to = ?, next_at = ? WHERE name = ?",
                    [.integer(seenTo.time.milliseconds), .time(seenTo.next), .string(schedule.name)])
            }
            if !firings.isEmpty { try forgetFirings(of: schedule.name) }
            return firings
        }
    }

    private func openJobs(of schedule: String) throws(BatchError) -> [Int64] {
        try connection.rows(
            """
            SELECT number FROM queue_jobs WHERE schedule = ? AND state IN ('queued', 'running', 'waiting', 'retrying') \
            ORDER BY number
            """, [.string(schedule)]
        ).compactMap { $0[0].integer }
    }

    /// - Returns: nil when the instant has a firing that is more than missed.
    private func write(
        _ plan: PlannedFiring, of schedule: ScheduleRecord, _ cause: FiringCause, at now: Timestamp,
        _ orders: (Timestamp) -> [QueueOrder], behind earlier: Int64?
    ) throws(BatchError) -> Firing? {
        var (outcome, reason, count, until) = (FiringOutcome.queued, String?.none, 1, Timestamp?.none)
        switch plan.decision {
        case .queue:
            if let earlier {
                outcome = .skipped
                reason = "job \(earlier) of an earlier firing is not done"
            }
        case .wait(let time): (outcome, until) = (.waiting, time)
        case .missed(let number): (outcome, count) = (.missed, number)
        case .skipped(let why): (outcome, reason) = (.skipped, why)
        }
        try connection.run(
            """
            INSERT INTO firings(schedule, instant, cause, outcome, reason, count, decided_at, until) \
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(schedule, instant) DO UPDATE SET cause = excluded.cause, \
            outcome = excluded.outcome, reason = excluded.reason, count = excluded.count, \
            decided_at = excluded.decided_at, until = excluded.until \
            WHERE firings.outcome = 'missed' AND excluded.outcome <> 'missed'
            """,
            [
                .string(schedule.name), .integer(plan.instant.milliseconds), .string(cause.rawValue),
                .string(outcome.rawValue), .optional(reason), .integer(Int64(count)), .integer(now.milliseconds),
                .time(until),
            ])
        guard connection.changes > 0 else { return nil }
        var job: Int64?
        if outcome == .queued, case .queue(let runAt) = plan.decision {
            job = try queue(orders(plan.instant), at: runAt, for: schedule.name, plan.instant, now)
        }
        return Firing(
            schedule: schedule.name, instant: plan.instant, cause: cause, outcome: outcome, reason: reason,
            count: count,
            job: job, decidedAt: now)
    }

    /// - Returns: the first of the jobs.
    private func queue(
        _ orders: [QueueOrder], at runAt: Timestamp, for schedule: String, _ instant: Timestamp, _ now: Timestamp
    ) throws(BatchError) -> Int64? {
        var first: Int64?
        for order in orders {
            var order = order
            order.runAt = runAt
            let number = try add(order, actor: "schedule \(schedule)", at: now).job.number
            first = first ?? number
        }
        try connection.run(
            """
            UPDATE firings SET job = ?1, outcome = iif(?1 IS NULL, 'skipped', 'queued'), \
            reason = iif(?1 IS NULL, 'there is no tenant', NULL), count = max(1, ?2), until = NULL \
            WHERE schedule = ?3 AND instant = ?4
            """,
            [
                first.map { .integer($0) } ?? .null, .integer(Int64(orders.count)), .string(schedule),
                .integer(instant.milliseconds),
            ])
        return first
    }

    private func cancel(_ jobs: [Int64], because firing: Firing, at now: Timestamp) throws(BatchError) {
        let reason = "the next firing of \(firing.schedule) came, at \(firing.instant.seconds)"
        for number in jobs { _ = try cancelInTransaction(number, reason: reason, at: now) }
    }

    private func forgetFirings(of schedule: String) throws(BatchError) {
        try connection.run(
            """
            DELETE FROM firings WHERE schedule = ?1 AND outcome <> 'waiting' AND seq <= (SELECT seq FROM firings \
            WHERE schedule = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)
            """, [.string(schedule), .integer(ControlFile.kept)])
    }

    // MARK: Waiting for other schedules

    public func waitingFirings() throws(BatchError) -> [(firing: Firing, until: Timestamp)] {
        let sql = """
            SELECT schedule, instant, cause, outcome, reason, count, job, decided_at, until FROM firings \
            WHERE outcome = 'waiting' ORDER BY instant
            """
        return try connection.rows(sql).compactMap { row in
            ControlFile.firing(row).map { ($0, Timestamp(milliseconds: row[8].integer ?? 0)) }
        }
    }

    public func lacks(_ schedule: String, since time: Timestamp) throws(BatchError) -> Bool {
        let sql = "SELECT 1 FROM queue_jobs WHERE schedule = ? AND state = 'done' AND state_at >= ? LIMIT 1"
        return try connection.value(sql, [.string(schedule), .integer(time.milliseconds)]) == nil
    }

    public func settle(
        _ firing: Firing, _ orders: [QueueOrder], reason: String?, at now: Timestamp
    ) throws(BatchError) -> Firing? {
        try durably { () throws(BatchError) in
            let waits = try connection.value(
                "SELECT 1 FROM firings WHERE schedule = ? AND instant = ? AND outcome = 'waiting'",
                [.string(firing.schedule), .integer(firing.instant.milliseconds)])
            guard waits != nil else { return nil }
            var job: Int64?
            if let first = orders.first {
                job = try queue(orders, at: first.runAt, for: firing.schedule, firing.instant, now)
            } else {
                try connection.run(
                    "UPDATE firings SET outcome = 'skipped', reason = ?, until = NULL WHERE schedule = ? AND instant = ?",
                    [.optional(reason), .string(firing.schedule), .integer(firing.instant.milliseconds)])
            }
            return Firing(
                schedule: firing.schedule, instant: firing.instant, cause: firing.cause,
                outcome: job == nil ? .skipped : .queued, reason: reason, count: 1, job: job, decidedAt: now)
        }
    }

    // MARK: Looking

    public func firings(of schedule: String?, limit: Int) throws(BatchError) -> [Firing] {
        let sql = """
            SELECT schedule, instant, cause, outcome, reason, count, job, decided_at FROM firings \
            WHERE ?1 IS NULL OR schedule = ?1 ORDER BY seq DESC LIMIT ?2
            """
        return try connection.rows(sql, [.optional(schedule), .integer(Int64(limit))]).compactMap(ControlFile.firing)
    }

    public func decided(
        _ schedule: String, from start: Timestamp, to end: Timestamp
    ) throws(BatchError) -> Set<Timestamp> {
        let sql = "SELECT instant FROM firings WHERE schedule = ? AND instant BETWEEN ? AND ? AND outcome <> 'missed'"
        let rows = try connection.rows(
            sql, [.string(schedule), .integer(start.milliseconds), .integer(end.milliseconds)])
        return Set(rows.compactMap { row in row[0].integer.map { Timestamp(milliseconds: $0) } })
    }

    private static func firing(_ row: [SQLValue]) -> Firing? {
        guard let cause = row[2].string.flatMap(FiringCause.init),
            let outcome = row[3].string.flatMap(FiringOutcome.init)
        else { return nil }
        return Firing(
            schedule: row[0].string ?? "", instant: Timestamp(milliseconds: row[1].integer ?? 0), cause: cause,
            outcome: outcome, reason: row[4].string, count: Int(row[5].integer ?? 1), job: row[6].integer,
            decidedAt: Timestamp(milliseconds: row[7].integer ?? 0))
    }
}

extension SQLValue {
    fileprivate static func time(_ time: Timestamp?) -> SQLValue { time.map { .integer($0.milliseconds) } ?? .null }
}

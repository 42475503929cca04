public import BatchCore
internal import BatchLedger

/// What people could not be told yet, and of what they do not want to hear. Every operation is one whole transaction.
public protocol NoticeStore: AnyObject {
    func add(_ notice: Notice) throws(BatchError)
    /// The oldest first.
    func notices() throws(BatchError) -> [Notice]
    /// Those whose time has come.
    func dueNotices(at now: Timestamp, limit: Int) throws(BatchError) -> [Notice]
    /// Those of a rule that were tried, and whose next try comes after this time.
    func failedNotices(of rule: String, dueAfter time: Timestamp) throws(BatchError) -> [Notice]
    /// How it stands now; nil: it was told.
    func settle(_ number: Int64, _ notice: Notice?) throws(BatchError)

    /// With a row in the audit.
    /// - Parameter until: nil ends it.
    func snooze(_ job: String?, until: Timestamp?, _ act: ControlAct) throws(BatchError)
    func snoozes(at now: Timestamp) throws(BatchError) -> [Snooze]
}

extension ControlFile: NoticeStore {
    private static let fields =
        "number, rule, target, event, document, created_at, state, attempts, next_at, reason"

    public func add(_ notice: Notice) throws(BatchError) {
        try connection.run(
            """
            INSERT INTO notices(rule, target, event, document, created_at, state, attempts, next_at, reason) \
            VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .string(notice.rule), .string(notice.target), .string(notice.event), .string(notice.document),
                .integer(notice.createdAt.milliseconds), .string(notice.state.rawValue),
                .integer(Int64(notice.attempts)), .integer(notice.nextAt.milliseconds), .string(notice.reason),
            ])
    }

    public func notices() throws(BatchError) -> [Notice] { try notices(where: "1", []) }

    public func dueNotices(at now: Timestamp, limit: Int) throws(BatchError) -> [Notice] {
        try Array(notices(where: "state = 'waiting' AND next_at <= ?", [.integer(now.milliseconds)]).prefix(limit))
    }

    public func failedNotices(of rule: String, dueAfter time: Timestamp) throws(BatchError) -> [Notice] {
        try notices(
            where: "rule = ? AND attempts > 0 AND next_at > ?", [.string(rule), .integer(time.milliseconds)])
    }

    private func notices(where condition: String, _ values: [SQLValue]) throws(BatchError) -> [Notice] {
        let sql = "SELECT \(ControlFile.fields) FROM notices WHERE \(condition) ORDER BY number"
        return try connection.rows(sql, values).map { row in
            func text(_ place: Int) -> String { row[place].string ?? "" }
            func time(_ place: Int) -> Timestamp { Timestamp(milliseconds: row[place].integer ?? 0) }
            var notice = Notice(
                number: row[0].integer ?? 0, rule: text(1), target: text(2), event: text(3), document: text(4),
                createdAt: time(5), nextAt: time(8), reason: text(9))
            // What cannot be read is not tried again by itself.
            notice.state = Notice.State(rawValue: text(6)) ?? .dead
            notice.attempts = Int(row[7].integer ?? 0)
            return notice
        }
    }

    public func settle(_ number: Int64, _ notice: Notice?) throws(BatchError) {
        guard let notice else {
            return try connection.run("DELETE FROM notices WHERE number = ?", [.integer(number)])
        }
        try connection.run(
            "UPDATE notices SET state = ?, attempts = ?, next_at = ?, reason = ? WHERE number = ?",
            [
                .string(notice.state.rawValue), .integer(Int64(notice.attempts)),
                .integer(notice.nextAt.milliseconds), .string(notice.reason), .integer(number),
            ])
    }

    public func snooze(_ job: String?, until: Timestamp?, _ act: ControlAct) throws(BatchError) {
        try audited(act) { () throws(BatchError) in
            if let until {
                try connection.run(
                    "INSERT OR REPLACE INTO snoozes VALUES(?, ?, ?)",
                    [.string(job ?? ""), .integer(until.milliseconds), .string(act.actor)])
            } else {
                try connection.run("DELETE FROM snoozes WHERE job = ?", [.string(job ?? "")])
            }
            return ((), ["job": .init(job), "until": .init(until?.iso8601)])
        }
    }

    public func snoozes(at now: Timestamp) throws(BatchError) -> [Snooze] {
        let sql = "SELECT job, until, actor FROM snoozes WHERE until > ? ORDER BY job"
        return try connection.rows(sql, [.integer(now.milliseconds)]).map { row in
            let job = row[0].string ?? ""
            return Snooze(
                job: job.isEmpty ? nil : job, until: Timestamp(milliseconds: row[1].integer ?? 0),
                actor: row[2].string ?? "")
        }
    }
}

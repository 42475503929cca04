/// Something that somebody could not be told yet: because they could not be reached, or because it is quiet.
public struct Notice: Hashable, Sendable {
    public enum State: String, Hashable, Sendable {
        case waiting
        /// Tried so often that it is not tried again by itself.
        case dead
    }

    public let number: Int64
    /// Which rule: a hash of where it leads.
    public let rule: String
    /// The target, as it may be shown.
    public let target: String
    public let event: String
    /// What is sent.
    public let document: String
    public let createdAt: Timestamp
    public var state = State.waiting
    public var attempts = 0
    public var nextAt: Timestamp
    /// Why it was not told.
    public var reason: String

    public init(
        number: Int64 = 0, rule: String, target: String, event: String, document: String, createdAt: Timestamp,
        nextAt: Timestamp, reason: String
    ) {
        self.number = number
        self.rule = rule
        self.target = target
        self.event = event
        self.document = document
        self.createdAt = createdAt
        self.nextAt = nextAt
        self.reason = reason
    }

    /// Milliseconds before the second try.
    public static let pause: Int64 = 60_000
    private static let longestPause: Int64 = 6 * 3_600_000
    private static let mostAttempts = 8

    /// One more try has failed: the next one is later each time, and after the eighth there is none.
    public mutating func fail(_ reason: String, at now: Timestamp) {
        attempts += 1
        self.reason = reason
        nextAt = Timestamp(milliseconds: now.milliseconds + Notice.pause(behind: attempts))
        if attempts >= Notice.mostAttempts { state = .dead }
    }

    /// When the last try failed, of one that was tried.
    public var failedAt: Timestamp {
        Timestamp(milliseconds: nextAt.milliseconds - Notice.pause(behind: attempts))
    }

    private static func pause(behind attempts: Int) -> Int64 {
        min(pause << Int64(min(max(attempts, 1) - 1, 20)), longestPause)
    }

    public var json: JSONValue {
        [
            "number": .integer(number), "state": .string(state.rawValue), "event": .string(event),
            "target": .string(target), "attempts": JSONValue(attempts), "next_at": .string(nextAt.iso8601),
            "reason": .string(reason), "created_at": .string(createdAt.iso8601),
        ]
    }
}

/// Nobody is told of a job for a while.
public struct Snooze: Hashable, Sendable {
    /// A job; nil for all.
    public let job: String?
    public let until: Timestamp
    public let actor: String

    public init(job: String?, until: Timestamp, actor: String) {
        self.job = job
        self.until = until
        self.actor = actor
    }

    public var json: JSONValue {
        ["job": .init(job), "until": .string(until.iso8601), "by": .string(actor)]
    }
}

/// `notify list`
public struct NoticeListReport: Report, Hashable {
    /// The oldest first.
    public let notices: [Notice]
    public let snoozes: [Snooze]

    public init(notices: [Notice], snoozes: [Snooze]) {
        self.notices = notices
        self.snoozes = snoozes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("notices", .array(notices.map(\.json))), .init("snoozes", .array(snoozes.map(\.json)))]
    }
}

/// `notify redrive`
public struct NoticeRedriveReport: Report, Hashable {
    public let sent: Int
    public let left: Int

    public init(sent: Int, left: Int) {
        self.sent = sent
        self.left = left
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("sent", JSONValue(sent)), .init("left", JSONValue(left))]
    }
}

/// `notify snooze`
public struct SnoozeReport: Report, Hashable {
    /// Nil when it was ended.
    public let snooze: Snooze?

    public init(snooze: Snooze?) { self.snooze = snooze }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("snooze", snooze?.json ?? .null)] }
}

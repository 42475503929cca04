/// Stands between us and something outside that fails: after too many failures it is not called for a while, then tried
/// once.
public struct Circuit: Hashable, Sendable {
    public enum State: String, Hashable, Sendable, CaseIterable {
        case closed
        case open
        /// One call tries whether it works again.
        case halfOpen = "half_open"
    }

    public struct Limits: Hashable, Sendable {
        /// It opens after so many failures in a row,
        public var inARow = 5
        /// or when so much of the last calls failed.
        public var share = 0.5
        public var window = 20
        /// How long it stays open at first, and at most: the time doubles with each failed try.
        public var shortest: Int64 = 60_000
        public var longest: Int64 = 900_000

        public init() {}
    }

    public var name: String
    public var state = State.closed
    /// Of the last calls, the latest last: true for one that worked.
    public var outcomes: [Bool] = []
    /// When the next try is due, while it is open.
    public var retryAt: Timestamp?
    /// How long it is open this time.
    public var pause: Int64 = 0
    /// Why a person opened it; nil when failures did.
    public var reason: String?
    public var changedAt: Timestamp

    public init(name: String, at time: Timestamp) {
        self.name = name
        changedAt = time
    }

    /// Asks for a call.
    /// - Returns: false while it is open; the one who gets true while a try is due makes the try.
    public mutating func admit(at now: Timestamp) -> Bool {
        switch state {
        case .closed: return true
        case .open:
            guard reason == nil, let retryAt, now >= retryAt else { return false }
            move(to: .halfOpen, now)
            return true
        case .halfOpen:
            // Who made the try may have died with it.
            guard now.milliseconds - changedAt.milliseconds > max(Circuit.shortestTry, pause) else { return false }
            move(to: .halfOpen, now)
            return true
        }
    }

    private static let shortestTry: Int64 = 60_000

    public mutating func note(success: Bool, at now: Timestamp, _ limits: Limits) {
        outcomes = Array((outcomes + [success]).suffix(limits.window))
        if state == .halfOpen {
            if success { close(at: now) } else { open(for: min(pause * 2, limits.longest), at: now) }
        } else if state == .closed, isTooBad(limits) {
            open(for: limits.shortest, at: now)
        }
    }

    public mutating func close(at now: Timestamp) {
        (outcomes, retryAt, pause, reason) = ([], nil, 0, nil)
        move(to: .closed, now)
    }

    /// A person keeps it open until it is closed again.
    public mutating func open(because reason: String, at now: Timestamp) {
        (retryAt, self.reason) = (nil, reason)
        move(to: .open, now)
    }

    private mutating func open(for pause: Int64, at now: Timestamp) {
        self.pause = pause
        retryAt = Timestamp(milliseconds: now.milliseconds + pause)
        move(to: .open, now)
    }

    private mutating func move(to state: State, _ now: Timestamp) {
        self.state = state
        changedAt = now
    }

    private func isTooBad(_ limits: Limits) -> Bool {
        let row = outcomes.reversed().prefix { !$0 }.count
        if row >= limits.inARow { return true }
        let failed = outcomes.count { !$0 }
        return outcomes.count >= limits.window && Double(failed) >= limits.share * Double(outcomes.count)
    }

    public var json: JSONValue {
        [
            "name": .string(name), "state": .string(state.rawValue), "retry_at": JSONValue(retryAt?.iso8601),
            "pause_ms": JSONValue(Int(pause)), "reason": JSONValue(reason),
            "outcomes": .string(outcomes.map { $0 ? "+" : "-" }.joined()), "changed_at": .string(changedAt.iso8601),
        ]
    }

    /// Nil when it is not what `json` gives.
    public init?(_ json: JSONValue) {
        guard let name = json["name"]?.string, let state = json["state"]?.string.flatMap(State.init),
            let changed = json["changed_at"]?.string.flatMap(Timestamp.init(iso8601:))
        else { return nil }
        self.init(name: name, at: changed)
        self.state = state
        outcomes = (json["outcomes"]?.string ?? "").map { $0 == "+" }
        retryAt = json["retry_at"]?.string.flatMap(Timestamp.init(iso8601:))
        pause = json["pause_ms"]?.integer ?? 0
        reason = json["reason"]?.string
    }
}

/// `circuit list`
public struct CircuitReport: Report, Hashable {
    public let circuits: [Circuit]

    public init(circuits: [Circuit]) { self.circuits = circuits }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("circuits", .array(circuits.map(\.json)))]
    }
}

/// `circuits.yaml`: what goes through a circuit, and when it opens.
public struct CircuitDefinition: Hashable, Sendable {
    public var name: String
    public var program: String?
    public var plugin: String?
    public var limits: Circuit.Limits

    public init(name: String, program: String?, plugin: String?, limits: Circuit.Limits) {
        self.name = name
        self.program = program
        self.plugin = plugin
        self.limits = limits
    }
}

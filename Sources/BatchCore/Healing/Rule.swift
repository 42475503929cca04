/// Something that was noticed: an error, a number that was measured. Rules judge streams of them.
public struct RuleEvent: Hashable, Sendable {
    public var at: Timestamp
    /// `error`, `attempt`, `dead_letter`, `memory`, …: what rules name in `event`.
    public var kind: String
    public var code: String?
    public var module: String?
    public var tenant: String?
    public var value: Double?
    /// The batch that it happened to.
    public var batch: String?

    public init(
        at: Timestamp, kind: String, code: String? = nil, module: String? = nil, tenant: String? = nil,
        value: Double? = nil, batch: String? = nil
    ) {
        self.at = at
        self.kind = kind
        self.code = code
        self.module = module
        self.tenant = tenant
        self.value = value
        self.batch = batch
    }

    /// A line of a recorded stream: `{"at":"…","kind":"error","code":"…","module":"…","tenant":"…","value":1,"batch":"…"}`.
    public init?(_ json: JSONValue) {
        guard let at = json["at"]?.string.flatMap(Timestamp.init(iso8601:)), let kind = json["kind"]?.string else {
            return nil
        }
        self.init(
            at: at, kind: kind, code: json["code"]?.string, module: json["module"]?.string,
            tenant: json["tenant"]?.string, value: RuleEvent.number(json["value"]),
            batch: json["batch"]?.string)
    }

    private static func number(_ json: JSONValue?) -> Double? {
        switch json {
        case .integer(let whole): Double(whole)
        case .number(let number): number
        default: nil
        }
    }

    func part(_ name: String) -> String? {
        switch name {
        case "code": code
        case "module": module
        default: tenant
        }
    }
}

/// A rule over events: when it fires, something is done.
public struct RuleDefinition: Hashable, Sendable {
    /// How events are judged.
    public enum Judgement: String, Hashable, Sendable, CaseIterable {
        /// So many of them within the window.
        case count
        /// More than so many percent of those within the window are bad.
        case share
        /// The value is so high, for the whole window when one is given.
        case level
        /// More of them in each of so many windows in a row.
        case rising
        /// The code is another than that of the event before.
        case change
        /// The value is far from what is usual: so many times the usual spread.
        case spike
        /// The smoothed value has moved away from what is usual.
        case drift

        public var isDynamic: Bool { self == .spike || self == .drift }
    }

    /// What follows when it fires.
    public enum Action: String, Hashable, Sendable, CaseIterable {
        case incident
        /// An incident, and the module is switched off; without a module, safe mode for the tenant or everywhere.
        case block
        /// An incident, and what is not critical is degraded.
        case degrade
        /// Only told.
        case notify
    }

    /// On which side of the usual a value is bad.
    public enum Side: String, Hashable, Sendable, CaseIterable {
        case high
        case low
        case both
    }

    /// When it is judged.
    public enum Occasion: String, Hashable, Sendable, CaseIterable {
        /// By `rules check`.
        case check
        /// Also directly after each checkpoint of a batch, by what the batch itself gives.
        case realtime

        /// What a checkpoint gives: how often a step was tried, how long the checkpoint took, how it failed, and what
        /// the machine has left.
        public static let events = [
            "attempt", "checkpoint", "error", "cross_tenant", "disk_free", "memory", "load",
        ]
    }

    public var id: String
    public var description: String
    public var judgement: Judgement
    public var event: String
    /// `module`, `code`, `tenant`: events of each are judged by themselves.
    public var by: [String]
    public var window: Int64?
    public var threshold: Double
    /// `threshold:RULE.threshold` may be set within these.
    public var bounds: ClosedRange<Double>
    /// Of `share`: so many bad ones there must be at least.
    public var least: Int
    /// Of `share`: an event is bad when its value is above this, or, with `low`, below.
    public var good: Double
    public var side: Side
    public var faults: ErrorClass
    public var severity: ContractDefinition.Severity
    /// It is silent for so long after it has fired.
    public var cooldown: Int64
    public var action: Action
    /// The repair job that is carried out when it fires.
    public var repair: String?
    public var occasion = Occasion.check

    public init(
        id: String, description: String = "", judgement: Judgement, event: String, by: [String] = [],
        window: Int64? = nil, threshold: Double, bounds: ClosedRange<Double>? = nil, least: Int = 1, good: Double = 0,
        side: Side = .high, faults: ErrorClass = .performance, severity: ContractDefinition.Severity = .error,
        cooldown: Int64 = 900_000, action: Action = .incident
    ) {
        self.id = id
        self.description = description
        self.judgement = judgement
        self.event = event
        self.by = by
        self.window = window
        self.threshold = threshold
        self.bounds = bounds ?? (threshold / 10)...max(threshold * 10, threshold / 10)
        self.least = least
        self.good = good
        self.side = side
        self.faults = faults
        self.severity = severity
        self.cooldown = cooldown
        self.action = action
    }

    /// As the switches say.
    public func adjusted(_ board: SwitchBoard, at now: Timestamp) -> RuleDefinition {
        var rule = self
        let set = board.value(of: .threshold(rule: id, key: "threshold"), at: now)
        if case .number(let text) = set, let number = Double(text) {
            rule.threshold = min(max(number, bounds.lowerBound), bounds.upperBound)
        }
        return rule
    }

    public var json: JSONValue {
        [
            "rule": .string(id), "description": .string(description), "judgement": .string(judgement.rawValue),
            "event": .string(event), "by": .array(by.map(JSONValue.string)),
            "window_ms": window.map { .integer($0) } ?? .null, "threshold": .number(threshold),
            "bounds": [.number(bounds.lowerBound), .number(bounds.upperBound)], "class": .string(faults.rawValue),
            "severity": .string(severity.rawValue), "cooldown_ms": .integer(cooldown),
            "action": .string(action.rawValue), "repair": JSONValue(repair), "when": .string(occasion.rawValue),
        ]
    }
}

/// A rule that fired.
public struct RuleFiring: Hashable, Sendable {
    public let rule: RuleDefinition
    public let at: Timestamp
    public let value: Double
    public let module: String?
    public let tenant: String?
    public let code: String?
    /// Those that it happened to within the window, the latest last; at most 20.
    public let batches: [String]

    public var json: JSONValue {
        [
            "rule": .string(rule.id), "at": .string(at.iso8601), "value": .number(value),
            "threshold": .number(rule.threshold), "action": .string(rule.action.rawValue),
            "severity": .string(rule.severity.rawValue), "module": JSONValue(module), "tenant": JSONValue(tenant),
            "code": JSONValue(code), "batches": .array(batches.map(JSONValue.string)),
        ]
    }

    /// One incident for each of these.
    public var cause: String {
        let parts = rule.by.compactMap { $0 == "module" ? module : $0 == "tenant" ? tenant : code }
        return (["rule", rule.id] + parts).joined(separator: ":")
    }
}

/// Judges a stream of events, in the order of their time.
public struct RuleStream: Sendable {
    private struct Place: Hashable {
        let rule: Int
        let parts: [String?]
    }

    private struct Memory {
        var events: [(at: Int64, value: Double)] = []
        var code: String?
        /// Since when the value is too high.
        var since: Int64?
        var firedAt: Int64?
        var usual = UsualValues()
        /// The last that something happened to.
        var batches: [(at: Int64, batch: String)] = []

        mutating func note(_ event: RuleEvent, _ rule: RuleDefinition) {
            guard let batch = event.batch else { return }
            let now = event.at.milliseconds
            batches.removeAll { $0.batch == batch || now - $0.at >= rule.window ?? .max }
            batches.append((now, batch))
            if batches.count > 20 { batches.removeFirst() }
        }
    }

    private let rules: [RuleDefinition]
    private var memories: [Place: Memory] = [:]

    public init(_ rules: [RuleDefinition]) { self.rules = rules }

    public mutating func feed(_ event: RuleEvent) -> [RuleFiring] {
        var fired: [RuleFiring] = []
        for (index, rule) in rules.enumerated() where rule.event == event.kind {
            let place = Place(rule: index, parts: rule.by.map(event.part))
            var memory = memories[place] ?? Memory()
            memory.note(event, rule)
            let value = RuleStream.judge(event, rule, &memory)
            let now = event.at.milliseconds
            if let value, memory.firedAt.map({ now - $0 >= rule.cooldown }) ?? true {
                memory.firedAt = now
                fired.append(
                    RuleFiring(
                        rule: rule, at: event.at, value: value, module: event.module, tenant: event.tenant,
                        code: event.code, batches: memory.batches.map(\.batch)))
            }
            memories[place] = memory
        }
        return fired
    }

    /// Rules that have too few values yet to judge.
    public var learning: [String] {
        var learning: Set<String> = []
        for (index, rule) in rules.enumerated() where rule.judgement.isDynamic {
            let own = memories.filter { $0.key.rule == index }
            if own.isEmpty || own.contains(where: { !$0.value.usual.isLearnt }) { learning.insert(rule.id) }
        }
        return learning.sorted()
    }

    /// - Returns: what was found, when it is too much.
    private static func judge(_ event: RuleEvent, _ rule: RuleDefinition, _ memory: inout Memory) -> Double? {
        let now = event.at.milliseconds
        let value = event.value ?? 1
        switch rule.judgement {
        case .count, .share:
            memory.events.append((now, value))
            memory.events.removeAll { now - $0.at >= rule.window ?? .max }
            return rule.judgement == .count ? count(rule, memory) : share(rule, memory)
        case .level: return level(value, now, rule, &memory)
        case .rising:
            memory.events.append((now, value))
            return rising(now, rule, &memory)
        case .change:
            defer { memory.code = event.code }
            return memory.code.map { $0 != event.code } ?? false ? 1 : nil
        case .spike: return memory.usual.spike(value, at: event.at, rule)
        case .drift: return memory.usual.drift(value, at: event.at, rule)
        }
    }

    private static func count(_ rule: RuleDefinition, _ memory: Memory) -> Double? {
        let count = Double(memory.events.count)
        return count >= rule.threshold ? count : nil
    }

    private static func share(_ rule: RuleDefinition, _ memory: Memory) -> Double? {
        let bad = memory.events.count { rule.side == .low ? $0.value < rule.good : $0.value > rule.good }
        let share = Double(bad) * 100 / Double(memory.events.count)
        return bad >= rule.least && share > rule.threshold ? share : nil
    }

    private static func level(
        _ value: Double, _ now: Int64, _ rule: RuleDefinition, _ memory: inout Memory
    ) -> Double? {
        let isBad = rule.side == .low ? value < rule.threshold : value > rule.threshold
        memory.since = isBad ? memory.since ?? now : nil
        guard let since = memory.since else { return nil }
        return now - since >= rule.window ?? 0 ? value : nil
    }

    /// Whole windows are compared, the one that is running with what it has so far.
    private static func rising(_ now: Int64, _ rule: RuleDefinition, _ memory: inout Memory) -> Double? {
        let window = max(rule.window ?? 600_000, 1)
        let windows = Int(rule.threshold) + 1
        memory.events.removeAll { now / window - $0.at / window >= Int64(windows) }
        let counts = (0..<windows).map { back in memory.events.count { now / window - $0.at / window == Int64(back) } }
        let isRising = zip(counts, counts.dropFirst()).allSatisfy { $0 > $1 } && counts.allSatisfy { $0 >= rule.least }
        return isRising ? Double(counts[0]) : nil
    }
}

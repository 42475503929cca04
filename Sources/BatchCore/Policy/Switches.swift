/// A switch, as people and applications write it: `safe_mode`, `safe_mode:tenant:acme`, `auto_heal:DATA`,
/// `module:billing`, `job:reprice`, `job:reprice:tenant:acme`.
public enum SwitchName: Hashable, Sendable {
    /// Suggest only: what would change data becomes a plan.
    case safeMode(Scope)
    /// Repairs that begin by themselves.
    case autoHeal(HealScope)
    /// A part of the application.
    case module(String)
    /// A job; for one tenant, or for all.
    case job(String, tenant: String? = nil)
    case tenant(String)
    /// A feature of the application: what `flags.yaml` says of it, unless it is switched.
    case flag(String)
    /// A number of a rule: what the rule says, unless it is switched.
    case threshold(rule: String, key: String)

    /// The classes of faults that are healed.
    public static let healed: [ErrorClass] = [.data, .performance, .security]

    /// What it may be set to, the value of a switch that nobody has set first; a threshold takes any number too.
    public var values: [SwitchValue] {
        switch self {
        case .safeMode: [.off, .on]
        case .autoHeal: [.on, .off]
        case .module: [.on, .degraded, .off]
        case .job: [.enabled, .disabled]
        case .tenant: [.on, .isolated]
        case .flag: [.standard, .on, .off]
        case .threshold: [.standard]
        }
    }

    /// The value while nobody has set it, and after a setting has expired.
    public var standard: SwitchValue { values.first ?? .off }

    public func takes(_ value: SwitchValue) -> Bool {
        if case .threshold = self, case .number = value { return true }
        return values.contains(value)
    }

    /// Which repairs a switch holds back.
    public enum HealScope: Hashable, Sendable {
        /// For faults of a class; for one tenant, or for all.
        case faults(ErrorClass, tenant: String? = nil)
        case job(String)
        case tenant(String)
    }

    /// How far safe mode reaches.
    public enum Scope: Hashable, Sendable {
        case everywhere
        case tenant(String)
        case module(String)
        case job(String)
    }
}

/// What a switch can be set to.
public enum SwitchValue: Hashable, Sendable, RawRepresentable {
    case on, off, degraded, enabled, disabled, isolated
    /// What the definition says.
    case standard
    /// As it was typed.
    case number(String)

    // Without a table of values: two of them are compared by what this returns.
    public var rawValue: String {
        switch self {
        case .on: "on"
        case .off: "off"
        case .degraded: "degraded"
        case .enabled: "enabled"
        case .disabled: "disabled"
        case .isolated: "isolated"
        case .standard: "default"
        case .number(let text): text
        }
    }

    private static let words: [SwitchValue] = [.on, .off, .degraded, .enabled, .disabled, .isolated, .standard]

    public init?(rawValue: String) {
        if let word = SwitchValue.words.first(where: { $0.rawValue == rawValue }) {
            self = word
            return
        }
        guard rawValue.utf8.count <= 40, let number = try? JSONParser.parse(rawValue) else { return nil }
        switch number {
        case .integer, .number: self = .number(rawValue)
        default: return nil
        }
    }
}

/// A switch as somebody set it.
public struct SwitchState: Hashable, Sendable {
    public var name: SwitchName
    public var value: SwitchValue
    public var actor: String
    public var reason: String
    public var setAt: Timestamp
    /// From then on it is as if nobody had set it; nil: until it is set again.
    public var expiresAt: Timestamp?

    public init(
        name: SwitchName, value: SwitchValue, actor: String, reason: String, setAt: Timestamp,
        expiresAt: Timestamp? = nil
    ) {
        self.name = name
        self.value = value
        self.actor = actor
        self.reason = reason
        self.setAt = setAt
        self.expiresAt = expiresAt
    }

    public func holds(at time: Timestamp) -> Bool { expiresAt.map { time < $0 } ?? true }

    public var json: JSONValue {
        [
            "name": .string(name.description), "value": .string(value.rawValue), "actor": .string(actor),
            "reason": .string(reason), "set_at": .string(setAt.iso8601), "expires_at": .init(expiresAt?.iso8601),
        ]
    }
}

extension SwitchName {
    /// The tenant that it is for alone; nil when it is for all, or for what all share.
    public var tenant: String? {
        switch self {
        case .safeMode(.tenant(let tenant)), .autoHeal(.tenant(let tenant)), .autoHeal(.faults(_, let tenant?)),
            .job(_, let tenant?), .tenant(let tenant):
            tenant
        case .safeMode, .autoHeal, .module, .job, .flag, .threshold: nil
        }
    }
}

// MARK: Names as text

extension SwitchName: CustomStringConvertible {
    public var description: String {
        func of(_ tenant: String?) -> String { tenant.map { ":tenant:\($0)" } ?? "" }
        return switch self {
        case .safeMode(.everywhere): "safe_mode"
        case .safeMode(.tenant(let name)): "safe_mode:tenant:\(name)"
        case .safeMode(.module(let name)): "safe_mode:module:\(name)"
        case .safeMode(.job(let name)): "safe_mode:job:\(name)"
        case .autoHeal(.faults(let errorClass, let tenant)): "auto_heal:\(errorClass.rawValue)\(of(tenant))"
        case .autoHeal(.job(let name)): "auto_heal:job:\(name)"
        case .autoHeal(.tenant(let name)): "auto_heal:tenant:\(name)"
        case .module(let name): "module:\(name)"
        case .job(let name, let tenant): "job:\(name)\(of(tenant))"
        case .tenant(let name): "tenant:\(name)"
        case .flag(let name): "flag:\(name)"
        case .threshold(let rule, let key): "threshold:\(rule).\(key)"
        }
    }

    /// What can stand first, with how the rest is written.
    public static let forms = [
        "safe_mode", "safe_mode:tenant:T", "safe_mode:module:NAME", "safe_mode:job:NAME", "auto_heal:CLASS",
        "auto_heal:CLASS:tenant:T", "auto_heal:job:NAME", "auto_heal:tenant:T", "module:NAME", "job:NAME",
        "job:NAME:tenant:T", "tenant:T", "flag:NAME", "threshold:RULE.KEY",
    ]

    private static let kinds = ["safe_mode", "auto_heal", "module", "job", "tenant", "flag", "threshold"]

    /// - Throws: `ERR_UX_UNKNOWN_SWITCH` with what was probably meant.
    public init(_ text: String) throws(BatchError) {
        let reader = SwitchNameReader(text: text)
        let (kind, rest) = reader.cut(text)
        switch (kind, rest) {
        case ("safe_mode", nil): self = .safeMode(.everywhere)
        case ("safe_mode", let scope?): self = .safeMode(try reader.scope(scope))
        case ("auto_heal", let scope?): self = .autoHeal(try reader.healScope(scope))
        case ("module", let name?): self = .module(try reader.name(name))
        case ("job", let name?):
            let (job, rest) = reader.cut(name)
            self = .job(
                try reader.name(job), tenant: try rest.map { (rest) throws(BatchError) in try reader.ofTenant(rest) })
        case ("tenant", let name?): self = .tenant(try reader.tenant(name))
        case ("flag", let name?): self = .flag(try reader.name(name))
        case ("threshold", let name?):
            let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw reader.unknown(text, in: []) }
            self = .threshold(rule: try reader.name(parts[0]), key: try reader.name(parts[1]))
        default: throw reader.unknown(kind, in: SwitchName.kinds.contains(kind) ? [] : SwitchName.kinds)
        }
    }
}

/// Reads the parts of a switch's name.
private struct SwitchNameReader {
    /// The whole name, for messages.
    let text: String

    func cut(_ text: String) -> (first: String, rest: String?) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return (parts[0], parts.count > 1 ? parts[1] : nil)
    }

    func scope(_ scope: String) throws(BatchError) -> SwitchName.Scope {
        switch cut(scope) {
        case ("tenant", let name?): return .tenant(try tenant(name))
        case ("module", let name?): return .module(try self.name(name))
        case ("job", let name?): return .job(try self.name(name))
        case (let word, _): throw unknown(word, in: ["tenant", "module", "job"])
        }
    }

    func healScope(_ scope: String) throws(BatchError) -> SwitchName.HealScope {
        let (word, rest) = cut(scope)
        if let known = SwitchName.healed.first(where: { $0.rawValue == word }) {
            return .faults(known, tenant: try rest.map { (rest) throws(BatchError) in try ofTenant(rest) })
        }
        switch (word, rest) {
        case ("job", let name?): return .job(try self.name(name))
        case ("tenant", let name?): return .tenant(try tenant(name))
        default: throw unknown(word, in: SwitchName.healed.map(\.rawValue) + ["job", "tenant"])
        }
    }

    /// `tenant:T` after something.
    func ofTenant(_ rest: String) throws(BatchError) -> String {
        guard case ("tenant", let name?) = cut(rest) else { throw unknown(cut(rest).first, in: ["tenant"]) }
        return try tenant(name)
    }

    /// The owner of rows may bear any name that fits on a line.
    func tenant(_ name: String) throws(BatchError) -> String {
        guard (1...200).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 32 }) else {
            throw unknown(text, in: [])
        }
        return name
    }

    func name(_ name: String) throws(BatchError) -> String {
        guard JobID.isValid(name) else {
            throw BatchError(
                .unknownSwitch, "there is no switch '\(text)': '\(name)' is not a valid name",
                hint: "a name has \(JobID.rule)")
        }
        return name
    }

    func unknown(_ word: String, in known: [String]) -> BatchError {
        let near = Suggestion.nearest(to: word, in: known).map { "; did you mean '\(text.replacing(word, with: $0))'?" }
        return BatchError(
            .unknownSwitch, "there is no switch '\(text)'\(near ?? "")",
            hint: "one of: \(SwitchName.forms.joined(separator: ", ")); CLASS is DATA, PERF or SECURITY")
    }
}

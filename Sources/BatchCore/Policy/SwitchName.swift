/// A switch, as people and applications write it: `safe_mode`, `safe_mode:tenant:acme`, `auto_heal:DATA`,
/// `module:billing`, `job:reprice`.
public enum SwitchName: Hashable, Sendable {
    /// Suggest only: what would change data becomes a plan.
    case safeMode(SwitchScope)
    /// Repairs that begin by themselves, for faults of this class.
    case autoHeal(ErrorClass)
    /// A part of the application.
    case module(String)
    case job(String)

    /// The classes of faults that are healed.
    public static let healed: [ErrorClass] = [.data, .performance, .security]

    /// What it may be set to, the value of a switch that nobody has set first.
    public var values: [SwitchValue] {
        switch self {
        case .safeMode: [.off, .on]
        case .autoHeal: [.on, .off]
        case .module: [.on, .degraded, .off]
        case .job: [.enabled, .disabled]
        }
    }

    /// The value while nobody has set it, and after a setting has expired.
    public var standard: SwitchValue { values.first ?? .off }
}

/// How far a switch reaches.
public enum SwitchScope: Hashable, Sendable {
    case everywhere
    case tenant(String)
    case module(String)
    case job(String)
}

/// What a switch can be set to.
public enum SwitchValue: String, Hashable, Sendable, CaseIterable {
    case on, off, degraded, enabled, disabled
}

extension SwitchName: CustomStringConvertible {
    public var description: String {
        switch self {
        case .safeMode(.everywhere): "safe_mode"
        case .safeMode(.tenant(let name)): "safe_mode:tenant:\(name)"
        case .safeMode(.module(let name)): "safe_mode:module:\(name)"
        case .safeMode(.job(let name)): "safe_mode:job:\(name)"
        case .autoHeal(let errorClass): "auto_heal:\(errorClass.rawValue)"
        case .module(let name): "module:\(name)"
        case .job(let name): "job:\(name)"
        }
    }

    /// - Throws: `ERR_UX_UNKNOWN_SWITCH` with what was probably meant.
    public init(_ text: String) throws(BatchError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let rest = parts.count > 1 ? parts[1] : nil
        switch (parts[0], rest) {
        case ("safe_mode", nil): self = .safeMode(.everywhere)
        case ("safe_mode", let scope?): self = .safeMode(try SwitchScope(scope, of: text))
        case ("auto_heal", let name?):
            guard let known = SwitchName.healed.first(where: { $0.rawValue == name }) else {
                throw SwitchName.unknown(text, name, in: SwitchName.healed.map(\.rawValue))
            }
            self = .autoHeal(known)
        case ("module", let name?): self = .module(try SwitchName.name(name, of: text))
        case ("job", let name?): self = .job(try SwitchName.name(name, of: text))
        case ("auto_heal", nil), ("module", nil), ("job", nil):
            throw SwitchName.unknown(text, text, in: [])
        default: throw SwitchName.unknown(text, parts[0], in: ["safe_mode", "auto_heal", "module", "job"])
        }
    }

    fileprivate static func name(_ name: String, of text: String) throws(BatchError) -> String {
        guard JobID.isValid(name) else {
            throw BatchError(
                .unknownSwitch, "there is no switch '\(text)': '\(name)' is no name", hint: "a name has \(JobID.rule)")
        }
        return name
    }

    fileprivate static func unknown(_ text: String, _ word: String, in known: [String]) -> BatchError {
        let near = Suggestion.nearest(to: word, in: known).map { "; did you mean '\(text.replacing(word, with: $0))'?" }
        return BatchError(
            .unknownSwitch, "there is no switch '\(text)'\(near ?? "")",
            hint:
                "one of: safe_mode, safe_mode:tenant:NAME, safe_mode:module:NAME, safe_mode:job:NAME, auto_heal:DATA, auto_heal:PERF, auto_heal:SECURITY, module:NAME, job:NAME"
        )
    }
}

extension SwitchScope {
    fileprivate init(_ scope: String, of text: String) throws(BatchError) {
        let parts = scope.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.count > 1 ? parts[1] : nil
        switch (parts[0], name) {
        // The owner of rows may bear any name that fits on a line.
        case ("tenant", let name?) where (1...200).contains(name.utf8.count) && name.utf8.allSatisfy { $0 >= 32 }:
            self = .tenant(name)
        case ("module", let name?): self = .module(try SwitchName.name(name, of: text))
        case ("job", let name?): self = .job(try SwitchName.name(name, of: text))
        default: throw SwitchName.unknown(text, parts[0], in: ["tenant", "module", "job"])
        }
    }
}

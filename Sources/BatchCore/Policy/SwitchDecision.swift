/// What the switches say to some work.
public enum SwitchDecision: Hashable, Sendable {
    case go
    /// It may be proposed, and not done.
    case planOnly(SwitchState)
    case refused(SwitchState)

    /// The switch that stands in the way; nil when none does.
    public var cause: SwitchState? {
        switch self {
        case .go: nil
        case .planOnly(let state), .refused(let state): state
        }
    }
}

/// All switches that somebody has set.
public struct SwitchBoard: Hashable, Sendable {
    public var states: [SwitchState]

    public init(_ states: [SwitchState] = []) { self.states = states }

    /// What a switch says itself, whatever wider switches say.
    public func value(of name: SwitchName, at time: Timestamp) -> SwitchValue {
        setting(of: name, at: time)?.value ?? name.standard
    }

    /// What an application has to honour: safe mode everywhere is safe mode for each tenant, module and job.
    public func effectiveValue(of name: SwitchName, at time: Timestamp) -> SwitchValue {
        if case .safeMode = name, value(of: .safeMode(.everywhere), at: time) == .on { return .on }
        return value(of: name, at: time)
    }

    /// A disabled job and a module that is off are refused; a degraded module runs what a person begins, and nothing
    /// by itself; safe mode leaves plans, and to a person the way back.
    public func decision(on work: SwitchedWork, at time: Timestamp) -> SwitchDecision {
        if work.action == .run {
            if let job = work.job, let state = set(.job(job), to: [.disabled], at: time) { return .refused(state) }
            let forbidden: [SwitchValue] = work.origin.isAutomatic ? [.off, .degraded] : [.off]
            if let module = work.module, let state = set(.module(module), to: forbidden, at: time) {
                return .refused(state)
            }
        }
        guard let state = safeMode(over: work, at: time) else { return .go }
        switch work.action {
        case .run: return .planOnly(state)
        case .undo: return work.origin.isAutomatic ? .refused(state) : .go
        case .change: return .refused(state)
        }
    }

    private func safeMode(over work: SwitchedWork, at time: Timestamp) -> SwitchState? {
        let scopes: [SwitchScope?] = [
            .everywhere, work.tenant.map { .tenant($0) }, work.module.map { .module($0) }, work.job.map { .job($0) },
        ]
        for scope in scopes.compactMap(\.self) {
            if let state = set(.safeMode(scope), to: [.on], at: time) { return state }
        }
        return nil
    }

    private func set(_ name: SwitchName, to values: [SwitchValue], at time: Timestamp) -> SwitchState? {
        guard let state = setting(of: name, at: time), values.contains(state.value) else { return nil }
        return state
    }

    /// Two workspaces may both have set it: the setting that is not the standard counts.
    private func setting(of name: SwitchName, at time: Timestamp) -> SwitchState? {
        let settings = states.filter { $0.name == name && $0.holds(at: time) }
        return settings.first { $0.value != name.standard } ?? settings.first
    }
}

extension SwitchState {
    /// What is switched, by whom and why.
    public var words: String { "\(name) is \(value.rawValue), set by \(actor): \(reason)" }

    /// - Parameter work: as it begins a sentence: `job reprice`.
    public func refusal(of work: String) -> BatchError {
        let back: HintCommand = "switch set --name \(name) --value \(name.standard.rawValue) --reason TEXT"
        switch name {
        case .job:
            return BatchError(
                .jobDisabled, "\(work) is refused: \(words)", hint: "when it may run again: \(command: back)")
        case .module:
            return BatchError(
                .moduleOff, "\(work) is refused: \(words)", hint: "when it may run again: \(command: back)")
        case .safeMode, .autoHeal:
            return BatchError(
                .safeMode, "\(work) is refused: \(words)",
                hint: "rehearse it: --dry-run; when changes may be made again: \(command: back)")
        }
    }
}

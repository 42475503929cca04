/// Work that switches may forbid.
public struct SwitchedWork: Hashable, Sendable {
    public enum Action: Sendable {
        /// A job: run, resume, or run again in a replay.
        case run
        /// A way back: rollback, restore, adopting or undoing drift.
        case undo
        /// Any other change of the data or of its records: applying a plan, erasing.
        case change
    }

    public var action: Action
    public var origin: Origin
    public var job: String?
    /// The parts of the application that the job belongs to.
    public var modules: [String]
    public var tenant: String?
    /// Of a repair: what it heals.
    public var faults: ErrorClass?

    public init(
        _ action: Action, origin: Origin, job: String? = nil, modules: [String] = [], tenant: String? = nil,
        faults: ErrorClass? = nil
    ) {
        self.action = action
        self.origin = origin
        self.job = job
        self.modules = modules
        self.tenant = tenant
        self.faults = faults
    }

    /// What made work begin.
    public enum Origin: String, Hashable, Sendable, CaseIterable {
        /// Somebody at a terminal, by name.
        case person
        case schedule
        case heal
        /// A signed request.
        case ops

        public var isAutomatic: Bool { self != .person }
    }
}

/// All switches that somebody has set. One that holds back counts, however many narrower ones let go: every switch
/// that is about some work is asked, the wider ones first.
public struct SwitchBoard: Hashable, Sendable {
    public var states: [SwitchState]

    public init(_ states: [SwitchState] = []) { self.states = states }

    /// What a switch says itself, whatever wider switches say.
    public func value(of name: SwitchName, at time: Timestamp) -> SwitchValue {
        setting(of: name, at: time)?.value ?? name.standard
    }

    /// What an application has to honour: what a wider switch holds back is held back in each part of it.
    public func effectiveValue(of name: SwitchName, at time: Timestamp) -> SwitchValue {
        for wider in name.wider {
            let value = value(of: wider, at: time)
            if value != wider.standard { return value }
        }
        return value(of: name, at: time)
    }

    /// A disabled job, an isolated tenant and a module that is off are refused; a degraded module runs what a person
    /// begins, and nothing by itself; safe mode leaves plans, and to a person the way back.
    public func decision(on work: SwitchedWork, at time: Timestamp) -> Decision {
        if work.action == .run, let state = refusal(of: work, at: time) { return .refused(state) }
        guard let state = safeMode(over: work, at: time) else { return .go }
        switch work.action {
        case .run: return .planOnly(state)
        case .undo: return work.origin.isAutomatic ? .refused(state) : .go
        case .change: return .refused(state)
        }
    }

    private func refusal(of work: SwitchedWork, at time: Timestamp) -> SwitchState? {
        if let tenant = work.tenant, let state = set(.tenant(tenant), to: [.isolated], at: time) { return state }
        if let job = work.job {
            for name in [SwitchName.job(job)] + (work.tenant.map { [.job(job, tenant: $0)] } ?? []) {
                if let state = set(name, to: [.disabled], at: time) { return state }
            }
        }
        let forbidden: [SwitchValue] = work.origin.isAutomatic ? [.off, .degraded] : [.off]
        for module in work.modules {
            if let state = set(.module(module), to: forbidden, at: time) { return state }
        }
        return work.origin == .heal ? repairs(work, at: time) : nil
    }

    /// Whether repairs may begin by themselves.
    private func repairs(_ work: SwitchedWork, at time: Timestamp) -> SwitchState? {
        var scopes: [SwitchName.HealScope?] = [work.faults.map { .faults($0) }]
        if let tenant = work.tenant {
            scopes += [.tenant(tenant), work.faults.map { .faults($0, tenant: tenant) }]
        }
        scopes.append(work.job.map { .job($0) })
        return scopes.compactMap(\.self).lazy.compactMap { set(.autoHeal($0), to: [.off], at: time) }.first
    }

    private func safeMode(over work: SwitchedWork, at time: Timestamp) -> SwitchState? {
        let scopes: [SwitchName.Scope?] = [
            .everywhere, work.tenant.map { .tenant($0) }, work.job.map { .job($0) },
        ]
        return (scopes + work.modules.map { .module($0) }).compactMap(\.self).lazy.compactMap {
            set(.safeMode($0), to: [.on], at: time)
        }.first
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

    /// What the switches say to some work.
    public enum Decision: Hashable, Sendable {
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
}

extension SwitchName {
    /// The switches that reach further, with the same values.
    var wider: [SwitchName] {
        switch self {
        case .safeMode(.everywhere): []
        case .safeMode: [.safeMode(.everywhere)]
        case .autoHeal(.faults(let faults, let tenant?)): [.autoHeal(.faults(faults)), .autoHeal(.tenant(tenant))]
        case .job(let name, .some): [.job(name)]
        case .autoHeal, .module, .job, .tenant, .flag, .threshold: []
        }
    }
}

extension SwitchState {
    /// What is switched, by whom and why.
    public var words: String { "\(name) is \(value.rawValue), set by \(actor): \(reason)" }

    /// - Parameter work: as it begins a sentence: `job reprice`.
    public func refusal(of work: String) -> BatchError {
        let back: HintCommand = "switch set --name \(name) --value \(name.standard.rawValue) --reason TEXT"
        let message = "\(work) is refused: \(words)"
        switch name {
        case .job: return BatchError(.jobDisabled, message, hint: "when it may run again: \(command: back)")
        case .module: return BatchError(.moduleOff, message, hint: "when it may run again: \(command: back)")
        case .tenant, .autoHeal:
            return BatchError(.safeMode, message, hint: "when it may run again: \(command: back)")
        case .safeMode, .flag, .threshold:
            return BatchError(
                .safeMode, message, hint: "try it: --dry-run; when changes may be made again: \(command: back)")
        }
    }
}

/// `switch set`
public struct SwitchRequest: Hashable, Sendable {
    public let name: SwitchName
    public let value: SwitchValue
    public let reason: String
    /// How long it holds; nil: until it is set again.
    public let duration: Duration?
    /// Set it also when no job, module or tenant of that name is known.
    public let mayBeUnknown: Bool

    /// - Throws: `ERR_UX_UNKNOWN_SWITCH`, `ERR_UX_USAGE`.
    public init(name: String, value: String, reason: String, duration: String?, mayBeUnknown: Bool = false)
        throws(BatchError)
    {
        self.name = try SwitchName(name)
        self.value = try SwitchRequest.value(value, of: self.name)
        guard reason.utf8.contains(where: { $0 > 32 }), reason.utf8.count <= 1_000 else {
            throw BatchError(
                .usage, "a switch needs a reason, of at most 1,000 bytes", hint: "say why: --reason TEXT")
        }
        self.reason = reason
        self.mayBeUnknown = mayBeUnknown
        self.duration = duration.flatMap { Duration(text: $0) }
        guard (self.duration == nil) == (duration == nil) else {
            throw BatchError(
                .usage, "--for '\(duration ?? "")' is not a duration", hint: "write it as 30m, 2h or 7d: --for 2h")
        }
    }

    private static func value(_ text: String, of name: SwitchName) throws(BatchError) -> SwitchValue {
        let words = name.values.map(\.rawValue)
        guard let value = SwitchValue(rawValue: text), name.takes(value) else {
            let number = if case .threshold = name { ", or a number" } else { "" }
            throw BatchError(
                .usage, "\(name) cannot be '\(text)'\(Suggestion.clause(for: text, in: words))",
                hint: "one of: \(words.joined(separator: ", "))\(number)")
        }
        return value
    }
}

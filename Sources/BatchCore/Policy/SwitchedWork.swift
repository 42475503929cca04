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
    public var origin: WorkOrigin
    public var job: String?
    /// The part of the application that the job belongs to.
    public var module: String?
    public var tenant: String?

    public init(
        _ action: Action, origin: WorkOrigin, job: String? = nil, module: String? = nil, tenant: String? = nil
    ) {
        self.action = action
        self.origin = origin
        self.job = job
        self.module = module
        self.tenant = tenant
    }
}

/// What made work begin.
public enum WorkOrigin: String, Hashable, Sendable, CaseIterable {
    /// Somebody at a terminal, by name.
    case person
    case schedule
    case heal
    /// A signed request.
    case ops

    public var isAutomatic: Bool { self != .person }
}

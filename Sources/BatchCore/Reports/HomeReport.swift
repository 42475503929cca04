/// `home show`, `home set`
public struct HomeReport: Report {
    public enum State: Hashable, Sendable {
        /// No batch has run yet.
        case none
        case here
        /// It has another name or place than the home remembers; the next command notes it.
        case moved
        case copy(of: String)
        case lost

        public var name: String {
            switch self {
            case .none: "none"
            case .here: "here"
            case .moved: "moved"
            case .copy: "copy"
            case .lost: "lost"
            }
        }
    }

    public let database: String
    /// Nil while there is no ledger.
    public let ledger: String?
    public let folder: String
    public let branch: String
    /// What stands before batch ids in tags.
    public let tags: String
    public let state: State
    public let fault: BatchError?
    /// Other databases that belong there.
    public let neighbours: [String]

    public init(
        database: String, ledger: String?, folder: String, branch: String, tags: String, state: State,
        fault: BatchError?, neighbours: [String]
    ) {
        self.database = database
        self.ledger = ledger
        self.folder = folder
        self.branch = branch
        self.tags = tags
        self.state = state
        self.fault = fault
        self.neighbours = neighbours
    }

    /// As one check of `doctor`.
    public var check: Check {
        if let fault { return .failed("home", fault) }
        switch state {
        case .none: return .passed("home", "none yet: the first batch makes \(folder)")
        case .here: return .passed("home", "\(folder), branch \(branch)")
        case .moved: return .passed("home", "\(folder), branch \(branch); the file has a new name or place")
        case .copy(let original):
            return .passed("home", "a copy of \(original): its next batch begins a history of its own in \(folder)")
        case .lost: return .passed("home", folder)
        }
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        var copy: JSONValue = .null
        if case .copy(let original) = state { copy = .string(original) }
        return [
            .init("database", .string(database)), .init("ledger", .init(ledger)), .init("home", .string(folder)),
            .init("branch", .string(branch)), .init("tags", .string(tags)), .init("state", .string(state.name)),
            .init("copy_of", copy), .init("fault", .init(fault?.message)),
            .init("neighbours", .array(neighbours.map(JSONValue.string))),
        ]
    }
}

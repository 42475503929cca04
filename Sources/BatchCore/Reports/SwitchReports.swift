/// `switch set`
public struct SwitchReport: Report, Hashable {
    /// A database that does not know of the setting yet.
    public struct Behind: Hashable, Sendable {
        public let database: String
        public let reason: String

        public init(database: String, reason: String) {
            self.database = database
            self.reason = reason
        }
    }

    public let state: SwitchState
    /// What it was before, the standard value when nobody had set it.
    public let old: SwitchValue
    /// Databases with a ledger that know of it now.
    public let databases: [String]
    public let behind: [Behind]

    public init(state: SwitchState, old: SwitchValue, databases: [String], behind: [Behind]) {
        self.state = state
        self.old = old
        self.databases = databases
        self.behind = behind
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("switch", state.json), .init("old", .string(old.rawValue)),
            .init("databases", .array(databases.map(JSONValue.string))),
            .init(
                "behind", .array(behind.map { ["database": .string($0.database), "reason": .string($0.reason)] })),
        ]
    }
}

/// `switch list`
public struct SwitchListReport: Report, Hashable {
    /// One setting, of now or of the past.
    public struct Entry: Hashable, Sendable {
        public let state: SwitchState
        /// False when it has expired, or was set anew since.
        public let holds: Bool
        /// What it was before; nil where that is not told.
        public let old: SwitchValue?

        public init(state: SwitchState, holds: Bool, old: SwitchValue? = nil) {
            self.state = state
            self.holds = holds
            self.old = old
        }
    }

    public let entries: [Entry]
    public let isHistory: Bool

    public init(entries: [Entry], isHistory: Bool) {
        self.entries = entries
        self.isHistory = isHistory
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init(
                "switches",
                .array(
                    entries.map { entry in
                        .object(
                            (entry.state.json.members ?? []) + [.init("holds", .bool(entry.holds))]
                                + (entry.old.map { [.init("old", .string($0.rawValue))] } ?? []))
                    }))
        ]
    }
}

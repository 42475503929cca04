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

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

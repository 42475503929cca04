/// The record that a batch is undone from.
public enum RollbackSource: String, Sendable, CaseIterable {
    /// The undo log in the ledger.
    case log
    /// The git commit of its restore point.
    case git
    /// The `.bak` of its restore point.
    case bak

    /// For people.
    public var record: String {
        switch self {
        case .log: "undo log"
        case .git: "git commit"
        case .bak: ".bak"
        }
    }
}

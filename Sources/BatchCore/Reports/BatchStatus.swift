/// The state of a batch.
public enum BatchStatus: String, Sendable, CaseIterable {
    case running
    case committed
    case failed
    case stopped
    case rolledBack = "rolled_back"
    case partiallyRolledBack = "partially_rolled_back"
}

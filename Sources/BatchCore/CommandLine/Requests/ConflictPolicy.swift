/// What a rollback does about a row that is not as the batch left it.
public enum ConflictPolicy: String, Sendable, CaseIterable {
    /// Changes nothing at all.
    case abort
    /// Leaves such a row as it is, and lists it.
    case keep
    /// Puts back what the row was before the batch, and lists what is lost by it.
    case overwrite
}

/// What a rollback does about batches that depend on the one to undo.
public enum RollbackMode: String, Sendable, CaseIterable {
    /// Refuses while there are any.
    case restrict
    /// Undoes them first, in reverse commit order.
    case cascade
}

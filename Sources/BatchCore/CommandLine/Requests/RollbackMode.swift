/// What a rollback does about batches that depend on the one to undo.
public enum RollbackMode: String, Sendable, CaseIterable {
    /// Refuses while there are any.
    case restrict
    /// Undoes them first, in reverse commit order.
    case cascade
    /// As `cascade`, and then runs them again without the batch.
    case replay
    /// Undoes only the rows that nobody has touched since.
    case unconflicted
}

/// What happens to a batch when one of its steps fails.
public enum FailureAction: String, Hashable, Sendable, CaseIterable {
    /// Earlier checkpoints stay; `resume` goes on from there.
    case stop
    /// The checkpoints made so far are undone.
    case rollback
}

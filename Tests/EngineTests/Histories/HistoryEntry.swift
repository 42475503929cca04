import BatchCore

/// Something that happened to a database, with how each of its checkpoints changed the content.
struct HistoryEntry {
    /// Nil for what happened outside any batch.
    let id: BatchID?
    /// The SQL of each checkpoint that was committed; empty for a rollback.
    var steps: [String]
    /// Of each checkpoint; nil where it is not known.
    var changes: [Content?]
    var isLive: [Bool]
    /// Which checkpoints of the entries before it were live when it ran.
    var saw: [[Bool]] = []

    /// What the model runs.
    var liveSteps: [(sql: String, change: Content?)] {
        steps.indices.filter { isLive[$0] }.map { (steps[$0], changes[$0]) }
    }

    /// True when there is something to roll back.
    var canBeUndone: Bool { id != nil && isLive.contains(true) }
}

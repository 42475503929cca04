/// What a `.bak` holds: the whole database as it was before the batch, or the rows the batch changed.
public enum SnapshotKind: String, Sendable, CaseIterable {
    case full
    case delta
}

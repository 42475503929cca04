/// Which kind of `.bak` a restore point gets.
public enum SnapshotPolicy: String, Hashable, Sendable, CaseIterable {
    /// Full where it is needed or cheap, delta otherwise.
    case auto
    case full
    case delta
}

/// What happens to writes that no batch made.
public enum GuardMode: String, Hashable, Sendable, CaseIterable {
    case off
    /// They are noted.
    case track
    /// They are aborted.
    case enforce
}

/// Whether both copies of a restore point are there.
public enum PointStatus: String, Sendable, CaseIterable {
    /// Intended, not yet written; the next command completes it.
    case pending
    case complete
    /// A copy is missing or does not verify.
    case damaged
}

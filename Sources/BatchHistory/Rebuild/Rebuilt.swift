public import BatchCore

/// A database file that was built from a restore point.
public struct Rebuilt: Hashable, Sendable {
    public let path: String
    /// The state digest of the new file, equal to the recorded one.
    public let digest: Digest
    /// Indexes that need a function which is not here: the application has to REINDEX them.
    public let staleIndexes: [String]
}

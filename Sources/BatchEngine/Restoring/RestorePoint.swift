public import BatchCore
public import BatchHistory

/// A state of the database that was recorded, and where its copies are.
public struct RestorePoint: Hashable, Sendable {
    /// As a person would name it.
    public let name: String
    /// Nil when git has no such point, or is not there.
    public let commit: CommitID?
    /// The state digest as recorded; nil when no record of it is left.
    public let digest: Digest?
}

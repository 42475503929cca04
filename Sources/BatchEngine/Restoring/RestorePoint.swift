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
    /// The name of a `.bak` that has it, and on which side; nil when none is known.
    let bak: Bak?

    struct Bak: Hashable {
        let file: String
        let side: BakStore.Side
    }

    init(name: String, commit: CommitID?, digest: Digest?, bak: Bak? = nil) {
        self.name = name
        self.commit = commit
        self.digest = digest
        self.bak = bak
    }
}

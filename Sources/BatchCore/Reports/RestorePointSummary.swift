/// Where the two copies of a restore point are, as reports tell it.
public struct RestorePointSummary: Hashable, Sendable {
    /// Path of the `.bak`; nil while pending.
    public let bak: String?
    public let bakKind: SnapshotKind?
    /// Hexadecimal id of the git commit; nil while pending.
    public let commit: String?
    public let status: PointStatus

    public init(bak: String?, bakKind: SnapshotKind?, commit: String?, status: PointStatus) {
        self.bak = bak
        self.bakKind = bakKind
        self.commit = commit
        self.status = status
    }

    public var members: [JSONValue.Member] {
        [
            .init("bak", JSONValue(bak)), .init("bak_kind", JSONValue(bakKind?.rawValue)),
            .init("commit", JSONValue(commit)), .init("status", .string(status.rawValue)),
        ]
    }

    public var json: JSONValue { .object(members) }
}

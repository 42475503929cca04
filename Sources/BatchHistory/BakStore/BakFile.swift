/// A `.bak` that was written.
public struct BakFile: Hashable, Sendable {
    public enum Kind: String, Sendable {
        /// The whole database as it was before the batch, and when it is complete, what the batch changed.
        case full
        /// What the batch changed.
        case delta
    }

    public let path: String
    public let kind: Kind
    /// Of the whole file, 64 hexadecimal digits.
    public let sha256: String

    public init(path: String, kind: Kind, sha256: String) {
        self.path = path
        self.kind = kind
        self.sha256 = sha256
    }

    public var name: String { Folder.name(of: path) }
}

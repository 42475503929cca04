public import BatchCore

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
    /// The same in short, of a whole copy: a restore need not wait for SHA-256. Nil for the others, which are small.
    public let xxh3: Digest?

    public init(path: String, kind: Kind, sha256: String, xxh3: Digest? = nil) {
        self.path = path
        self.kind = kind
        self.sha256 = sha256
        self.xxh3 = xxh3
    }

    /// The file as it is now.
    /// - Parameter path: where it will be, when it still has another name.
    init(reading file: String, kind: Kind, as path: String? = nil) throws(BatchError) {
        let sha256 = SHA256()
        let xxh3 = XXH3()
        let open = try File(reading: file)
        try open.forEachPiece { piece in
            sha256.update(piece)
            if kind == .full { xxh3.update(piece) }
        }
        self.init(
            path: path ?? file, kind: kind, sha256: Hex.string(sha256.finish()),
            xxh3: kind == .full ? xxh3.finish() : nil)
    }

    public var name: String { Folder.name(of: path) }

    /// The quickest to check.
    public var hash: FileHash { xxh3.map(FileHash.xxh3) ?? .sha256(sha256) }
}

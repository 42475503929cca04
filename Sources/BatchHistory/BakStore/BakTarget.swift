public import BatchCore

/// A state that `.bak` files are to lead to.
///
/// The digest alone does not always tell states apart: where a batch only numbered the rows of a table without INTEGER
/// PRIMARY KEY anew, both sides of it have the same. So the file is named too, as long as it is known.
public struct BakTarget: Hashable, Sendable {
    let digest: String
    /// The name of the file of a batch; nil when it is gone or unknown.
    let file: String?
    /// Which side of that batch.
    let side: BakStore.Side

    public init(_ digest: Digest, file: String?, _ side: BakStore.Side) {
        self.init(digest: digest.description, file: file, side: side)
    }

    init(digest: String, file: String?, side: BakStore.Side) {
        self.digest = digest
        self.file = file
        self.side = side
    }
}

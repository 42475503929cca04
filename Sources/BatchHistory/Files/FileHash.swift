public import BatchCore

/// By what a file is known that was written.
public enum FileHash: Hashable, Sendable {
    /// 64 hexadecimal digits.
    case sha256(String)
    /// Quicker to find out.
    case xxh3(Digest)

    /// Reads the file.
    func holds(for path: String) throws(BatchError) -> Bool {
        switch self {
        case .sha256(let recorded): try SHA256.hex(ofFile: path) == recorded
        case .xxh3(let recorded): try XXH3.digest(ofFile: path) == recorded
        }
    }
}

public import BatchCore
internal import BatchSystem
internal import CCrypto
internal import Glibc

/// SHA-256, fed in pieces.
public struct SHA256: ~Copyable {
    private let digest: MessageDigest

    public init() { digest = MessageDigest(EVP_sha256()) }

    public func update(_ bytes: UnsafeRawBufferPointer) { digest.update(bytes) }

    /// The 32 bytes of the hash; the next `update` begins a new one.
    public func finish() -> [UInt8] { digest.finish() }

    /// The hash of a file as 64 hexadecimal digits.
    public static func hex(ofFile path: String) throws(BatchError) -> String {
        let hash = SHA256()
        let file = try File(reading: path)
        try file.forEachPiece { hash.update($0) }
        return Hex.string(hash.finish())
    }
}

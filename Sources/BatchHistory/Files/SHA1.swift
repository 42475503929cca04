internal import CCrypto

/// SHA-1, which names git's objects. One value hashes many objects, one after the other.
struct SHA1: ~Copyable {
    /// Fetched once: looking an algorithm up costs more than hashing a small object.
    nonisolated(unsafe) private static let algorithm: OpaquePointer? = EVP_MD_fetch(nil, "SHA1", nil)
    private let digest: MessageDigest

    init() { digest = MessageDigest(SHA1.algorithm) }

    func update(_ bytes: UnsafeRawBufferPointer) { digest.update(bytes) }

    func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { digest.update($0) } }

    func finish() -> ObjectID { ObjectID(digest.finish()) }
}

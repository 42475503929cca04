public import BatchCore
public import BatchLedger
internal import BatchSystem
internal import CCrypto
internal import Glibc

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

/// The running hash behind `SHA256` and `SHA1`.
struct MessageDigest: ~Copyable {
    private let context: OpaquePointer?
    private let algorithm: OpaquePointer?

    init(_ algorithm: OpaquePointer?) {
        context = EVP_MD_CTX_new()
        self.algorithm = algorithm
        EVP_DigestInit_ex(context, algorithm, nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress { EVP_DigestUpdate(context, base, bytes.count) }
    }

    /// The hash of all bytes so far; the next `update` begins a new one.
    func finish() -> [UInt8] {
        var length: UInt32 = 0
        let hash = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            EVP_DigestFinal_ex(context, buffer.baseAddress, &length)
            count = Int(length)
        }
        EVP_DigestInit_ex(context, algorithm, nil)
        return hash
    }
}

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

/// HMAC, RFC 2104.
public enum HMAC {
    private static let block = 64

    public static func sha256(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        func hash(_ parts: [UInt8]...) -> [UInt8] {
            let hash = SHA256()
            for part in parts { part.withUnsafeBytes { hash.update($0) } }
            return hash.finish()
        }
        let short = key.count > block ? hash(key) : key
        let padded = short + [UInt8](repeating: 0, count: block - short.count)
        return hash(padded.map { $0 ^ 0x5c }, hash(padded.map { $0 ^ 0x36 }, message))
    }
}

extension XXH3 {
    static func digest(ofFile path: String) throws(BatchError) -> Digest {
        let hash = XXH3()
        let file = try File(reading: path)
        try file.forEachPiece { hash.update($0) }
        return hash.finish()
    }
}

/// The checksums that SQL of a job may ask for, by the names that `mapping.yaml` knows.
public enum Checksums {
    public static let functions = [
        ChecksumFunction("sha256") { digits($0, EVP_sha256()) }, ChecksumFunction("sha1") { digits($0, EVP_sha1()) },
        ChecksumFunction("md5") { digits($0, EVP_md5()) },
        ChecksumFunction("xxh3") { bytes in
            let hash = XXH3()
            hash.update(bytes)
            return "\(hash.finish())"
        },
    ]

    private static func digits(_ bytes: UnsafeRawBufferPointer, _ algorithm: OpaquePointer?) -> String {
        let digest = MessageDigest(algorithm)
        digest.update(bytes)
        return Hex.string(digest.finish())
    }
}

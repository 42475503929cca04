internal import CCrypto

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

internal import CCrypto

/// SHA-256 as 64 hexadecimal digits, of one row of an audit chain after the other, without making a value.
final class AuditHasher {
    private let context = EVP_MD_CTX_new()
    /// Fetched once: looking an algorithm up costs more than a short hash.
    private let algorithm = EVP_MD_fetch(nil, "SHA256", nil)
    private let raw = UnsafeMutablePointer<UInt8>.allocate(capacity: Int(EVP_MAX_MD_SIZE))
    private static let digits = Array("0123456789abcdef".utf8)

    init() { EVP_DigestInit_ex(context, algorithm, nil) }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(algorithm)
        raw.deallocate()
    }

    /// - Parameter output: 64 bytes.
    func hash(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutablePointer<UInt8>) {
        // Without an algorithm the context begins again with the one that it has.
        EVP_DigestInit_ex(context, nil, nil)
        if let base = bytes.baseAddress { EVP_DigestUpdate(context, base, bytes.count) }
        EVP_DigestFinal_ex(context, raw, nil)
        AuditHasher.digits.withUnsafeBufferPointer { digits in
            for index in 0..<32 {
                output[2 * index] = digits[Int(raw[index] >> 4)]
                output[2 * index + 1] = digits[Int(raw[index] & 15)]
            }
        }
    }

    func hash(_ bytes: some Sequence<UInt8>) -> String {
        let hex = [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
            guard let output = buffer.baseAddress else { return }
            Array(bytes).withUnsafeBytes { hash($0, into: output) }
            count = 64
        }
        return String(decoding: hex, as: UTF8.self)
    }
}

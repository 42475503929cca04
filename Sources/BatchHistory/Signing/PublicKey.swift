public import BatchCore
internal import BatchSystem
internal import CCrypto

/// The public half of an Ed25519 key: it tells whether a text was signed with the other half.
public struct PublicKey: Hashable, Sendable {
    /// 32 bytes.
    public let bytes: [UInt8]

    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// Reads a key file, PEM as `openssl pkey -pubout` writes it.
    /// - Throws: `ERR_UX_FILE_MISSING`; `ERR_UX_USAGE` when it is no Ed25519 public key.
    public init(file path: String) throws(BatchError) {
        guard Folder.exists(path) else {
            throw BatchError(.fileMissing, "there is no key file \(path)", hint: "name the public key: --key FILE")
        }
        let text = try File(reading: path).contents(atMost: 1 << 16)
        let key = MemoryText.read(text) { PEM_read_bio_PUBKEY($0, nil, nil, nil) }
        defer { EVP_PKEY_free(key) }
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        guard let key, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519,
            EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1, count == 32
        else {
            throw BatchError(.usage, "\(path) is no Ed25519 public key in PEM", hint: "name the public key: --key FILE")
        }
        self.bytes = bytes
    }

    /// As a PEM file.
    public var pem: String {
        let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count)
        defer { EVP_PKEY_free(key) }
        return MemoryText.write { PEM_write_bio_PUBKEY($0, key) }
    }

    public func verifies(_ signature: [UInt8], of text: [UInt8]) -> Bool {
        let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count)
        let context = EVP_MD_CTX_new()
        defer {
            EVP_MD_CTX_free(context)
            EVP_PKEY_free(key)
        }
        guard EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
        return EVP_DigestVerify(context, signature, signature.count, text, text.count) == 1
    }
}

/// Text that libcrypto reads and writes.
enum MemoryText {
    /// The memory is the caller's: it must outlive what reads from it.
    static func read<Result>(_ text: [UInt8], _ body: (OpaquePointer?) -> Result) -> Result {
        text.withUnsafeBytes { bytes in
            let memory = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
            defer { BIO_free(memory) }
            return body(memory)
        }
    }

    static func write(_ body: (OpaquePointer?) -> Int32) -> String {
        let memory = BIO_new(BIO_s_mem())
        defer { BIO_free(memory) }
        guard body(memory) == 1 else { return "" }
        var text = [UInt8](repeating: 0, count: 4_096)
        let count = BIO_read(memory, &text, Int32(text.count))
        return String(decoding: text.prefix(Int(max(0, count))), as: UTF8.self)
    }
}

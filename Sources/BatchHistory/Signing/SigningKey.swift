public import BatchCore
internal import BatchSystem
internal import CCrypto
internal import Synchronization

/// An Ed25519 key that signs. That of a workspace is `signing.key`, readable by its owner alone, with `signing.pub`
/// beside it for everybody.
public final class SigningKey: @unchecked Sendable {
    /// Only read after it was made.
    private let key: OpaquePointer
    public let publicKey: PublicKey
    /// Whose key it is, as a line before the PEM says; nil for that of a workspace.
    public let name: String?

    /// Opens the key of a folder, and makes it at first need. The public half of a key that is lost is kept, for what was
    /// signed with it.
    public init(folder: String) throws(BatchError) {
        try Folder.create(folder)
        let path = folder + "/signing.key"
        if !Folder.exists(path) || SigningKey.isCutShort(path) { try SigningKey.replace(path, in: folder) }
        (key, publicKey, name) = try SigningKey.read(path)
        let open = SigningKey.publicFile(folder)
        if !Folder.exists(open) { try DurableFile.write(Array(publicKey.pem.utf8), to: open) }
    }

    private static let kept = Mutex<[String: (status: FileStatus, key: SigningKey)]>([:])

    /// The same, read again only when the file is another one: reading it costs more than many signatures.
    public static func kept(folder: String) throws(BatchError) -> SigningKey {
        let path = folder + "/signing.key"
        let status = FileStatus(path)
        if let known = kept.withLock({ $0[path] }), known.status == status, Folder.exists(publicFile(folder)) {
            return known.key
        }
        let key = try SigningKey(folder: folder)
        if let status, FileStatus(path) == status { kept.withLock { $0[path] = (status, key) } }
        return key
    }

    private static func replace(_ path: String, in folder: String) throws(BatchError) {
        if Folder.exists(path) { try keepAside(path, as: { folder + "/signing.damaged-\($0).key" }) }
        let open = publicFile(folder)
        if Folder.exists(open) { try keepAside(open, as: { earlierPublicFile(folder, $0) }) }
        try create(path)
    }

    private static func keepAside(_ path: String, as name: (Int) -> String) throws(BatchError) {
        var number = 1
        while Folder.exists(name(number)) { number += 1 }
        try DurableFile.rename(path, to: name(number))
    }

    /// A key in PEM ends with its last line. What is something else is not ours to move.
    private static func isCutShort(_ path: String) -> Bool {
        guard let status = FileStatus(path), status.isFile,
            let bytes = try? File(reading: path).contents(atMost: 1 << 16)
        else { return false }
        let whole = "-----BEGIN PRIVATE KEY-----\n"
        let text = String(decoding: bytes, as: UTF8.self)
        return text.isEmpty || whole.hasPrefix(text)
            || text.hasPrefix(whole) && !text.contains("-----END PRIVATE KEY-----")
    }

    private static func earlierPublicFile(_ folder: String, _ number: Int) -> String {
        "\(folder)/signing.\(number).pub"
    }

    /// Of keys that were lost, the oldest first.
    public static func earlierPublicFiles(_ folder: String) -> [String] {
        var paths: [String] = []
        while Folder.exists(earlierPublicFile(folder, paths.count + 1)) {
            paths.append(earlierPublicFile(folder, paths.count + 1))
        }
        return paths
    }

    /// The public half of the private key in a folder.
    public static func publicKey(ofFolder folder: String) throws(BatchError) -> PublicKey {
        let (key, publicKey, _) = try read(folder + "/signing.key")
        EVP_PKEY_free(key)
        return publicKey
    }

    /// What may have signed in a folder: its key, and those that were lost.
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_UX_USAGE`.
    public static func publicKeys(ofFolder folder: String) throws(BatchError) -> [PublicKey] {
        let open = publicFile(folder)
        // The private half knows it too.
        var keys: [PublicKey] = []
        if !Folder.exists(open), let own = try? publicKey(ofFolder: folder) { keys.append(own) }
        if keys.isEmpty { keys.append(try PublicKey(file: open)) }
        for path in earlierPublicFiles(folder) { keys.append(try PublicKey(file: path)) }
        return keys
    }

    /// Opens a person's key.
    /// - Throws: `ERR_UX_FILE_MISSING`; `ERR_INTEGRATION_FILE` when it is no key, or others may read it.
    public init(file path: String) throws(BatchError) {
        guard Folder.exists(path) else {
            throw BatchError(
                .fileMissing, "there is no key file \(path)",
                hint: "make one: \(command: "ops keygen --name NAME --to FILE")")
        }
        guard let status = FileStatus(path), status.permissions & 0o077 == 0 else {
            throw BatchError(.file, "\(path) may be read by others", hint: "type: chmod 600 \(ShellText.quoted(path))")
        }
        (key, publicKey, name) = try SigningKey.read(path)
    }

    /// Makes a person's key, and its public half in `PATH.pub`.
    /// - Throws: `ERR_UX_FILE_EXISTS`: a key is never overwritten.
    public static func create(file path: String, name: String) throws(BatchError) -> PublicKey {
        for file in [path, path + ".pub"] where Folder.exists(file) {
            throw BatchError(.fileExists, "\(file) exists already", hint: "name another file: --to FILE")
        }
        try create(path, name: name)
        let key = try SigningKey(file: path)
        try DurableFile.write(Array("name: \(name)\n\(key.publicKey.pem)".utf8), to: path + ".pub")
        return key.publicKey
    }

    /// The key is the caller's to free.
    private static func read(_ path: String) throws(BatchError) -> (OpaquePointer, PublicKey, String?) {
        let text = try File(reading: path).contents(atMost: 1 << 16)
        let key = MemoryText.read(text) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
        guard let key else { throw unusable(path) }
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        guard EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1, let known = PublicKey(bytes: bytes) else {
            EVP_PKEY_free(key)
            throw unusable(path)
        }
        let line = text.prefix { $0 != 10 }
        let isNamed = line.starts(with: "name: ".utf8)
        return (key, known, isNamed ? String(decoding: line.dropFirst(6), as: UTF8.self) : nil)
    }

    deinit { EVP_PKEY_free(key) }

    public static func publicFile(_ folder: String) -> String { folder + "/signing.pub" }

    /// The name comes last and is not taken from another process, so two at once end up with one key.
    private static func create(_ path: String, name: String? = nil) throws(BatchError) {
        let key = newEd25519Key()
        defer { EVP_PKEY_free(key) }
        let pem = MemoryText.write { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        let text = Array(((name.map { "name: \($0)\n" } ?? "") + pem).utf8)
        let temporary = try TemporaryFile(for: path, permissions: 0o600)
        try temporary.file.write(text)
        _ = try temporary.publishNew()
    }

    private static func unusable(_ path: String) -> BatchError {
        BatchError(
            .file, "\(path) is not an Ed25519 private key in PEM",
            hint: "put the key back, or move it away: the next rollback makes a new one")
    }

    /// 64 bytes.
    public func sign(_ text: [UInt8]) throws(BatchError) -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            EVP_DigestSign(context, &signature, &count, text, text.count) == 1
        else {
            throw BatchError(.internalFault, "libcrypto does not sign", hint: "\(command: "doctor")")
        }
        return signature
    }
}

/// `EVP_PKEY_Q_keygen` is variadic, so Swift cannot call it.
private func newEd25519Key() -> OpaquePointer? {
    let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &key) == 1 else { return nil }
    return key
}

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
            throw BatchError(
                .usage, "\(path) is not an Ed25519 public key in PEM", hint: "name the public key: --key FILE")
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

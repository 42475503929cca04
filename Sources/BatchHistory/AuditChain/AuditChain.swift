public import BatchCore
public import BatchLedger
internal import CCrypto

/// A chain of audit rows: each bears the hash of the one before it.
public struct AuditChain {
    public let place: AuditPlace
    public let table: AuditTable
    private var connection: Connection { table.connection }

    public init(_ place: AuditPlace, on connection: Connection) {
        self.place = place
        table = AuditTable(connection)
    }

    /// Appends a row, in the open transaction or in one of its own: two processes at once make one chain.
    /// - Returns: its `seq`.
    @discardableResult
    public func append(_ entry: AuditEntry) throws(BatchError) -> Int64 {
        if connection.isAutocommit {
            return try connection.transaction { () throws(BatchError) in try append(entry) }
        }
        try table.addColumns()
        let seq = try table.append(entry)
        try seal()
        return seq
    }

    /// Gives the rows at the end that have no hash yet their place in the chain. Call it in a transaction.
    public func seal() throws(BatchError) {
        let sealed = try connection.rows(
            "SELECT seq, hash FROM main.batchmgr_audit WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1"
        ).first
        var previous = sealed?[1].string ?? AuditEncoding.genesis
        let open = try table.rows(of: place, where: "seq > ?", [.integer(sealed?[0].integer ?? 0)])
        let hasher = AuditHasher()
        var encoding = AuditEncoding()
        for row in open {
            let details = hasher.hash(row.entry.details.utf8)
            encoding.encode(row.entry, seq: row.seq, detailsHash: details, previousHash: previous)
            let hash = hasher.hash(encoding.bytes)
            try table.seal(row.seq, detailsHash: details, previousHash: previous, hash: hash)
            previous = hash
        }
    }

    /// The last row; nil while there is none. Call it in a transaction.
    /// - Parameter chain: the name of the ledger or of `control.db`.
    public func head(chain: String) throws(BatchError) -> AuditHead? {
        try table.addColumns()
        try seal()
        guard let last = try table.last(), let hash = last.hash else { return nil }
        return AuditHead(place: place, chain: chain, seq: last.seq, hash: hash)
    }

    /// The last row that has its hash; nil while there is none.
    public func sealedHead(chain: String) throws(BatchError) -> AuditHead? {
        guard try table.hasHashes() else { return nil }
        let sql = "SELECT seq, hash FROM main.batchmgr_audit WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1"
        guard let row = try connection.rows(sql).first, let seq = row[0].integer, let hash = row[1].string else {
            return nil
        }
        return AuditHead(place: place, chain: chain, seq: seq, hash: hash)
    }

    /// Notes that the details of rows were cleaned of what was erased: their hash in the chain stays, and the row of the
    /// erasure vouches for the new one.
    /// - Returns: for its details.
    public static func vouchers(_ rows: [(seq: Int64, details: String)]) -> JSONValue {
        let hasher = AuditHasher()
        return .array(
            rows.map { ["seq": .integer($0.seq), "details_hash": .string(hasher.hash($0.details.utf8))] })
    }

    /// What the row of an erasure is called.
    public static let erasure = "erase"

    /// The key of those in the details of an erasure.
    public static let voucherKey = "audit_rows"
}

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

/// The last rows of the audit chains at one moment, signed with the key of the workspace.
public struct SignedAuditHeads: Hashable, Sendable {
    public static let headKey = "Audit-Head"
    public static let signatureKey = "Audit-Signature"

    public let heads: [AuditHead]
    public let key: PublicKey
    private let signature: [UInt8]

    /// - Parameter branch: of the history of the database.
    public init(signing heads: [AuditHead], branch: String, with key: SigningKey) throws(BatchError) {
        self.heads = heads
        self.key = key.publicKey
        signature = try key.sign(AuditHead.statement(heads, branch: branch))
    }

    /// Of the trailers of a commit.
    /// - Returns: nil when there are none, or not as they are written.
    public init?(_ trailers: [PointMessage.Trailer]) {
        let texts = trailers.filter { $0.key == SignedAuditHeads.headKey }.map(\.value)
        let heads = texts.compactMap { AuditHead(text: $0) }
        let words = trailers.first { $0.key == SignedAuditHeads.signatureKey }?.value.split(separator: " ") ?? []
        guard !heads.isEmpty, heads.count == texts.count, words.count == 2,
            let key = Hex.bytes(words[0]).flatMap({ PublicKey(bytes: $0) }), let signature = Hex.bytes(words[1])
        else { return nil }
        self.heads = heads
        self.key = key
        self.signature = signature
    }

    public func isWhole(branch: String) -> Bool {
        key.verifies(signature, of: AuditHead.statement(heads, branch: branch))
    }

    public var trailers: [PointMessage.Trailer] {
        heads.map { .init(SignedAuditHeads.headKey, $0.text) } + [
            .init(SignedAuditHeads.signatureKey, "\(Hex.string(key.bytes)) \(Hex.string(signature))")
        ]
    }

    public static func isOurs(_ trailer: PointMessage.Trailer) -> Bool {
        trailer.key == headKey || trailer.key == signatureKey
    }

    // MARK: File

    /// One trailer on each line.
    public var text: String { trailers.map { "\($0.key): \($0.value)\n" }.joined() }

    public init?(text: String) {
        let lines = text.split(separator: "\n")
        self.init(
            lines.compactMap { line in
                guard let colon = line.firstIndex(of: ":") else { return nil }
                return PointMessage.Trailer(String(line[..<colon]), String(line[colon...].dropFirst(2)))
            })
    }
}

public import BatchCore

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

/// The last row of an audit chain, as it is signed.
public struct AuditHead: Hashable, Sendable {
    public let place: AuditPlace
    /// The random name of the ledger or of `control.db`.
    public let chain: String
    public let seq: Int64
    public let hash: String

    public init(place: AuditPlace, chain: String, seq: Int64, hash: String) {
        self.place = place
        self.chain = chain
        self.seq = seq
        self.hash = hash
    }

    /// `ledger CHAIN SEQ HASH`
    public var text: String { "\(place.rawValue) \(chain) \(seq) \(hash)" }

    public init?(text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4, let place = AuditPlace(rawValue: words[0]), let seq = Int64(words[2]) else {
            return nil
        }
        self.init(place: place, chain: words[1], seq: seq, hash: words[3])
    }

    /// What is signed for the heads of one moment.
    /// - Parameter branch: of the history of the database.
    public static func statement(_ heads: [AuditHead], branch: String) -> [UInt8] {
        Array((["batchmgr audit heads 1", branch] + heads.map(\.text)).joined(separator: "\n").utf8)
    }
}

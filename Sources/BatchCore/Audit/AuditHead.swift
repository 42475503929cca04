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

/// What somebody did to an audit chain.
public struct AuditFinding: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// A row says something else than when it was written.
        case edited
        /// A row is missing between others.
        case deleted
        /// Rows stand in another order, or under other numbers, than they were written.
        case reordered
        /// A row stands where none was written.
        case inserted
        /// Rows are missing at the end.
        case truncated
        /// The hashes fit each other, and not the signed head: they were computed anew.
        case rewritten
        /// The whole chain was put in the place of another.
        case replaced
        /// A signed head is missing, was changed, or is signed with another key.
        case unsigned
    }

    public let kind: Kind
    public let place: AuditPlace
    /// The first row that it concerns.
    public let seq: Int64?
    /// One sentence, with the names of things.
    public let detail: String

    public init(_ kind: Kind, _ place: AuditPlace, seq: Int64?, _ detail: String) {
        self.kind = kind
        self.place = place
        self.seq = seq
        self.detail = detail
    }

    public var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "chain": .string(place.rawValue),
            "seq": seq.map(JSONValue.integer) ?? .null,
            "detail": .string(detail),
        ]
    }
}

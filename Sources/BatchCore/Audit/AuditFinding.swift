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

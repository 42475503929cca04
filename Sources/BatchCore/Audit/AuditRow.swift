/// One row of an audit chain.
public struct AuditRow: Hashable, Sendable {
    public let place: AuditPlace
    /// Counted from 1, without a gap.
    public let seq: Int64
    public let entry: AuditEntry
    /// 64 hexadecimal digits each; nil for a row that is not sealed yet.
    public let detailsHash: String?
    public let previousHash: String?
    public let hash: String?

    public init(
        place: AuditPlace, seq: Int64, entry: AuditEntry, detailsHash: String?, previousHash: String?, hash: String?
    ) {
        self.place = place
        self.seq = seq
        self.entry = entry
        self.detailsHash = detailsHash
        self.previousHash = previousHash
        self.hash = hash
    }

    public var json: JSONValue {
        [
            "chain": .string(place.rawValue), "seq": .integer(seq), "at": .string(entry.at),
            "trace_id": .string(entry.traceID), "actor": .string(entry.actor), "tenant": .init(entry.tenant),
            "action": .string(entry.action), "batch": .init(entry.batch), "outcome": .string(entry.outcome),
            "details": (try? JSONParser.parse(entry.details)) ?? .string(entry.details),
            "details_hash": .init(detailsHash), "previous_hash": .init(previousHash), "hash": .init(hash),
        ]
    }
}

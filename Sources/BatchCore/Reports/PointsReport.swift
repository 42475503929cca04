/// `points`
public struct PointsReport: Report, Hashable {
    public struct Point: Hashable, Sendable {
        public enum Kind: String, Sendable, CaseIterable {
            case batch
            case rollback
            case drift
            case baseline
            /// A restore in place.
            case restore
        }

        /// Nil for drift and the baseline.
        public let batch: BatchID?
        public let kind: Kind
        public let copies: RestorePointSummary
        /// Of the whole database at that point; nil while pending.
        public let digest: Digest?
        public let createdAt: Timestamp

        public init(batch: BatchID?, kind: Kind, copies: RestorePointSummary, digest: Digest?, createdAt: Timestamp) {
            self.batch = batch
            self.kind = kind
            self.copies = copies
            self.digest = digest
            self.createdAt = createdAt
        }

        var json: JSONValue {
            let first: [JSONValue.Member] = [
                .init("batch", JSONValue(batch?.description)), .init("kind", .string(kind.rawValue)),
            ]
            let last: [JSONValue.Member] = [
                .init("digest", JSONValue(digest?.description)), .init("created_at", .string(createdAt.iso8601)),
            ]
            return .object(first + copies.members + last)
        }
    }

    public let points: [Point]

    public init(points: [Point]) { self.points = points }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("points", .array(points.map(\.json)))] }
}

/// A later batch that depends on the one in question, directly or through others.
public struct DependentSummary: Hashable, Sendable {
    /// One reason: this batch depends on `on`.
    public struct Edge: Hashable, Sendable {
        public let on: BatchID
        public let kind: DependencyKind
        /// For people: `invoices, 12 keys`.
        public let evidence: String

        public init(on: BatchID, kind: DependencyKind, evidence: String) {
            self.on = on
            self.kind = kind
            self.evidence = evidence
        }

        var json: JSONValue {
            [
                "on": .string(on.description), "kind": .string(kind.rawValue), "evidence": .string(evidence),
            ]
        }
    }

    public let batch: BatchID
    /// 1 for a direct dependent.
    public let depth: Int
    /// At least one, the strongest reason first.
    public let edges: [Edge]

    public init(batch: BatchID, depth: Int, edges: [Edge]) {
        self.batch = batch
        self.depth = depth
        self.edges = edges
    }

    public var json: JSONValue {
        [
            "batch": .string(batch.description), "depth": JSONValue(depth),
            "kind": JSONValue(edges.first?.kind.rawValue), "evidence": JSONValue(edges.first?.evidence),
            "edges": .array(edges.map(\.json)),
        ]
    }
}

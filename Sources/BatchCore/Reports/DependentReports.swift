/// `graph`
public struct DependentsReport: Report, Hashable {
    public let batch: BatchID
    /// Ordered by depth, then by commit.
    public let dependents: [DependentSummary]

    public init(batch: BatchID, dependents: [DependentSummary]) {
        self.batch = batch
        self.dependents = dependents
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("batch", .string(batch.description)),
            .init("dependents", .array(dependents.map(\.json))),
        ]
    }

    /// The graph for Graphviz; an arrow goes from a batch to what it depends on.
    public var dot: String {
        var lines = ["digraph dependents {", "  rankdir=BT;", "  \"\(batch)\" [shape=box];"]
        for dependent in dependents {
            for edge in dependent.edges {
                let label = DependentsReport.escaped("\(edge.kind.rawValue): \(edge.evidence)")
                lines.append("  \"\(dependent.batch)\" -> \"\(edge.on)\" [label=\"\(label)\"];")
            }
        }
        return (lines + ["}", ""]).joined(separator: "\n")
    }

    /// Table names in the evidence may hold quotes.
    private static func escaped(_ text: String) -> String {
        String(text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] })
    }
}

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

/// Why a later batch would not be the same without an earlier one.
public enum DependencyKind: String, Sendable, CaseIterable {
    /// Its job `needs` the other.
    case declared
    /// It changed a row that the other had written.
    case row
    /// Its rows refer to rows of the other.
    case foreignKey = "foreign_key"
    /// It took a unique value that the other had freed.
    case unique
    /// It read columns that the other had written.
    case read
}

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

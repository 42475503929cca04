public import BatchCore

/// A later batch that would not be the same without an earlier one.
public struct DependencyEdge: Hashable, Sendable {
    /// `BatchRecord.seq`.
    public let batch: Int64
    /// The batch that it depends on.
    public let on: Int64
    /// 1 for a direct dependent.
    public let depth: Int
    public let kind: DependencyKind
    /// What proves it, e.g. `row invoices 12 keys`.
    public let evidence: String

    public init(batch: Int64, on: Int64, depth: Int, kind: DependencyKind, evidence: String) {
        self.batch = batch
        self.on = on
        self.depth = depth
        self.kind = kind
        self.evidence = evidence
    }
}

public enum GraphFormat: String, Sendable, CaseIterable {
    case text
    /// Graphviz.
    case dot
    case json
}

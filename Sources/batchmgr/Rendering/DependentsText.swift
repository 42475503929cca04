public import BatchCore

extension DependentsReport: TextReport {
    /// A tree: below each batch what depends on it, with the reasons.
    public func text(_ style: Style, width: Int) -> String {
        var lines = [style.strong(batch.description)]
        guard !dependents.isEmpty else { return lines[0] + "\n  nothing depends on it\n" }
        var seen: Set<BatchID> = [batch]
        appendChildren(of: batch, indent: "", &lines, &seen, style)
        return lines.map { $0 + "\n" }.joined()
    }

    private func appendChildren(
        of parent: BatchID, indent: String, _ lines: inout [String], _ seen: inout Set<BatchID>, _ style: Style
    ) {
        let children = dependents.filter { $0.edges.contains { $0.on == parent } }
        for (index, child) in children.enumerated() {
            let isLast = index == children.count - 1
            let reasons = child.edges.filter { $0.on == parent }
                .map { "\($0.kind.words) (\(Printable.text($0.evidence)))" }
            // A batch that depends on several is drawn with its own dependents once.
            let isNew = seen.insert(child.batch).inserted
            let more = isNew || !hasChildren(child.batch) ? "" : style.faint("  (see above)")
            lines.append(
                "\(indent)\(isLast ? "└─ " : "├─ ")\(child.batch)  \(reasons.joined(separator: "; "))\(more)")
            guard isNew else { continue }
            appendChildren(of: child.batch, indent: indent + (isLast ? "   " : "│  "), &lines, &seen, style)
        }
    }

    private func hasChildren(_ batch: BatchID) -> Bool {
        dependents.contains { $0.edges.contains { $0.on == batch } }
    }
}

extension DependencyKind {
    /// For people.
    public var words: String {
        switch self {
        case .declared: "its job needs it"
        case .row: "changed the same rows"
        case .foreignKey: "refers to its rows"
        case .unique: "took a unique value that it freed"
        case .read: "read columns that it wrote"
        }
    }
}

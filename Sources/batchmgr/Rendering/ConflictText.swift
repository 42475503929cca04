public import BatchCore

/// Rows that stand in the way of a rollback.
public enum ConflictText {
    /// Nothing for no conflicts; the first hundred in full.
    public static func text(_ conflicts: [Conflict], _ style: Style) -> String {
        guard !conflicts.isEmpty else { return "" }
        let isRefused = conflicts.contains { $0.resolution == nil }
        let rows = Figures.count(conflicts.count, "row")
        var text = isRefused ? "\(rows) cannot be undone:\n" : "\(rows) changed since:\n"
        for conflict in conflicts.prefix(shown) {
            let who = conflict.batch.map { "by \($0)" } ?? "outside any batch"
            text += "  \(style.bad("!")) \(Printable.text(conflict.table)) \(Printable.key(conflict.key)): "
            text += "\(conflict.reason) \(who)\(conflict.resolution.map { ", \($0.rawValue)" } ?? "")\n"
            text += "      expected \(document(conflict.expected))\n      found    \(document(conflict.found))\n"
        }
        if conflicts.count > shown {
            text += "  and \(Figures.grouped(conflicts.count - shown)) more; all of them: --json\n"
        }
        return text
    }

    private static let shown = 100

    private static func document(_ value: JSONValue) -> String {
        let text = Printable.text(JSONWriter.text(value))
        return text.count > 200 ? text.prefix(199) + "…" : text
    }
}

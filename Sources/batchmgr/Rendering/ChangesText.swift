public import BatchCore

extension ChangesReport: TextReport {
    /// `~ invoices 12: total_cents 100 → 102`, then the counts by table.
    public func text(_ style: Style, width: Int) -> String {
        text(changes.map { $0.line(style) + "\n" }.joined(), style)
    }

    /// Some rows of each table, not more than `style.limit` of all.
    func excerpt(_ style: Style, all: Hint) -> String {
        guard changes.count > style.limit else { return text(style, width: 0) }
        let each = max(1, style.limit / max(1, tables.count))
        var counts: [String: Int] = [:]
        let shown = changes.filter { change in
            counts[change.table, default: 0] += 1
            return counts[change.table, default: 0] <= each
        }
        let more = style.next("… and \(Figures.grouped(changes.count - shown.count)) more rows: \(all)")
        return text(shown.map { $0.line(style) + "\n" }.joined() + more, style)
    }

    private func text(_ rows: String, _ style: Style) -> String {
        let lines = schema.map { $0.line(in: self, style) + "\n" }.joined() + rows
        guard total.total > 0 else { return lines.isEmpty ? "no rows changed\n" : lines }
        return lines + (lines.isEmpty ? "" : "\n") + statisticsText(style)
    }

    private func statisticsText(_ style: Style) -> String {
        var table = TextTable([("TABLE", .left), ("INSERTED", .right), ("UPDATED", .right), ("DELETED", .right)])
        for row in tables { table.append([Printable.text(row.table)] + row.rows.cells) }
        if tables.count > 1 { table.append(["all"] + total.cells) }
        return table.text(style)
    }
}

extension RowCounts {
    var cells: [String] { [Figures.grouped(inserted), Figures.grouped(updated), Figures.grouped(deleted)] }

    /// `3 rows: 3 updated; 1 row changed`
    /// - Parameter changed: how many rows have other values than before.
    func words(changed: Int?) -> String {
        guard let changed, changed != total else { return words }
        return words + (changed == 0 ? "; nothing changed" : "; \(Figures.count(changed, "row")) changed")
    }

    /// `3 rows: 1 inserted, 2 updated`
    public var words: String {
        let parts = [(inserted, "inserted"), (updated, "updated"), (deleted, "deleted")]
            .filter { $0.0 > 0 }.map { "\(Figures.grouped($0.0)) \($0.1)" }
        return parts.isEmpty ? "no rows" : "\(Figures.count(total, "row")): \(parts.joined(separator: ", "))"
    }
}

extension SchemaObjectChange {
    /// `- table orders (2 rows)`, `+ index orders_by_day`, `~ table orders: CREATE TABLE … → CREATE TABLE …`
    fileprivate func line(in report: ChangesReport, _ style: Style) -> String {
        let name = "\(type) \(Printable.text(self.name))"
        switch (before, after) {
        case (nil, _): return style.good("+ ") + name
        case (_, nil):
            let rows = report.tables.first { type == "table" && $0.table == self.name }?.rows.deleted
            return style.bad("- ") + name + (rows.map { " (\(Figures.count($0, "row")))" } ?? "")
        case (let before?, let after?):
            return style.caution("~ ") + "\(name): \(Self.oneLine(before)) → \(Self.oneLine(after))"
        }
    }

    static func oneLine(_ sql: String) -> String {
        let words = sql.split { $0.isWhitespace }.joined(separator: " ")
        return Printable.text(words.count > 400 ? words.prefix(400) + "…" : words)
    }
}

extension Change {
    fileprivate func line(_ style: Style) -> String {
        let name = "\(Printable.text(table)) \(Printable.key(key)): "
        switch operation {
        case .insert: return style.good("+ ") + name + fields(after)
        case .delete: return style.bad("- ") + name + fields(before)
        case .update: return style.caution("~ ") + name + transitions
        }
    }

    private func fields(_ fields: [Field]?) -> String {
        (fields ?? []).map { "\(Printable.text($0.column)) \(Printable.value($0.value))" }.joined(separator: ", ")
    }

    private var transitions: String {
        let old = Dictionary((before ?? []).map { ($0.column, $0.value) }) { first, _ in first }
        return (after ?? []).filter { old[$0.column] != $0.value }
            .map { field in
                let was = old[field.column].map { Printable.value($0) } ?? "(no column)"
                return "\(Printable.text(field.column)) \(was) → \(Printable.value(field.value))"
            }
            .joined(separator: ", ")
    }
}

extension RowsReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = style.strong("\(Printable.text(table)) at \(Printable.text(point))")
        text += total.map { "  \(Figures.grouped($0)) rows\n" } ?? "\n"
        guard !rows.isEmpty else { return text + "no rows\n" }
        var shown = TextTable([("KEY", .left)] + columns.map { (Printable.text($0).uppercased(), .left) })
        for row in rows {
            shown.append([Printable.key(row.key)] + row.values.map { Printable.value($0, limit: 40) })
        }
        let more = style.faint("… and more: --offset \(offset + rows.count), or --all") + "\n"
        return text + shown.text(style) + (hasMore ? more : "")
    }
}

extension BlameReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "\(style.strong("\(Printable.text(table)) \(Printable.key(key))"))"
        text += deleted.map { "  \(style.bad("deleted")) by \($0.words)\($0.time.map { " at \($0)" } ?? "")\n" } ?? "\n"
        var table = TextTable([("COLUMN", .left), ("VALUE", .left), ("FROM", .left), ("SET BY", .left), ("AT", .left)])
        for column in columns {
            let restored = column.restoredBy.map { ", brought back by \($0)" } ?? ""
            table.append([
                Printable.text(column.name), Printable.value(column.value, limit: 40),
                column.from.map { Printable.value($0, limit: 30) } ?? "-", column.origin.words + restored,
                column.origin.time ?? "-",
            ])
        }
        return text + table.text(style)
    }
}

extension BlameReport.Origin {
    fileprivate var words: String {
        switch kind {
        case .drift: batch.map { "\($0) (no batch)" } ?? "drift (no batch)"
        case .baseline: "before the first batch"
        case .unknown: "unknown"
        case .batch, .rollback, .restore:
            (batch?.description ?? "") + (actor.map { " (\(Printable.text($0)))" } ?? "")
        }
    }

    fileprivate var time: String? { at?.iso8601 }
}

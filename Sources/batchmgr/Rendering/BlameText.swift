public import BatchCore

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

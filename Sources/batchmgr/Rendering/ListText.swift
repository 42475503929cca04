public import BatchCore

extension ListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !batches.isEmpty else { return "no batches\n" }
        let showsTenant = batches.contains { $0.tenant != nil }
        var table = TextTable(
            [("BATCH", .left)] + (showsTenant ? [("TENANT", .left)] : []) + [
                ("STATUS", .left), ("ROWS", .right), ("STARTED", .left), ("TOOK", .right),
            ])
        for batch in batches {
            let tenant = showsTenant ? [Printable.text(batch.tenant ?? "-")] : []
            table.append(
                [batch.batch.description] + tenant + [
                    batch.status.colored(style), Figures.grouped(batch.rows.total), batch.startedAt.iso8601,
                    batch.took,
                ])
        }
        return table.text(style)
    }
}

extension BatchSummary {
    /// `-` while it runs.
    var took: String {
        finishedAt.map { Figures.duration(Double($0.milliseconds - startedAt.milliseconds)) } ?? "-"
    }
}

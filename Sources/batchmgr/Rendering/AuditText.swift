public import BatchCore

extension AuditListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !rows.isEmpty else { return "no rows\n" }
        let showsTenant = rows.contains { $0.entry.tenant != nil }
        var table = TextTable(
            [("AT", .left), ("CHAIN", .left), ("SEQ", .right), ("ACTOR", .left)]
                + (showsTenant ? [("TENANT", .left)] : [])
                + [("ACTION", .left), ("OUTCOME", .left), ("BATCH", .left), ("TRACE", .left)])
        for row in rows {
            let entry = row.entry
            let tenant = showsTenant ? [Printable.text(entry.tenant ?? "-")] : []
            table.append(
                [entry.at, row.place.rawValue, String(row.seq), Printable.text(entry.actor)] + tenant
                    + [
                        Printable.text(entry.action), Printable.text(entry.outcome),
                        Printable.text(entry.batch ?? "-"), Printable.text(entry.traceID),
                    ])
        }
        return table.text(style)
    }
}

extension AuditReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { ChecksReport(checks: checks).text(style, width: width) }
}

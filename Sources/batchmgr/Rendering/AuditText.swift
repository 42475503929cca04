public import BatchCore

extension AuditListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !rows.isEmpty else { return "no rows\n" }
        let showsTenant = rows.contains { $0.entry.tenant != nil }
        var table = TextTable(
            [("AT", .left), ("CHAIN", .left), ("SEQ", .right), ("ACTOR", .left)]
                + (showsTenant ? [("TENANT", .left)] : [])
                + [("ACTION", .left), ("OUTCOME", .left), ("BATCH", .left), ("TRACE", .left)])
        // The newest are what somebody looks for.
        for row in rows.suffix(style.limit) {
            let entry = row.entry
            let tenant = showsTenant ? [Printable.text(entry.tenant ?? "-")] : []
            table.append(
                [entry.at, row.place.rawValue, String(row.seq), Printable.text(entry.actor)] + tenant
                    + [
                        Printable.text(entry.action), Printable.text(entry.outcome),
                        Printable.text(entry.batch ?? "-"), Printable.text(entry.traceID),
                    ])
        }
        return table.text(style) + style.more(rows.count, "audit list --all")
    }
}

extension AuditReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { ChecksReport(checks: checks).text(style, width: width) }
}

/// A line of the log for people.
public enum LogText {
    /// `2026-11-21T02:00:00.123Z info  step.end  step raise done  reprice.3 7b0c1d2e`
    public static func text(_ line: LogLine, _ style: Style) -> String {
        let level = line.level.rawValue + String(repeating: " ", count: 5 - line.level.rawValue.count)
        let code = line.code.map { [$0] } ?? []
        let parts =
            [line.time, colored(level, line.level, style), line.event, Printable.text(line.message)] + code
            + [line.batch, line.step].compactMap { $0.map(Printable.text) } + [String((line.traceID ?? "-").prefix(8))]
        return parts.joined(separator: "  ")
    }

    private static func colored(_ text: String, _ level: LogLevel, _ style: Style) -> String {
        switch level {
        case .debug, .info: text
        case .warn: style.caution(text)
        case .error: style.bad(text)
        }
    }
}

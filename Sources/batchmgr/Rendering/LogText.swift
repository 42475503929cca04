public import BatchCore

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

internal import BatchCore
public import BatchEngine

extension Verb {
    public static let logs = Verb(
        "logs", "show the structured log",
        details: """
            Text for people; with --json the lines as they are. Older files of the log are read too. --follow, or -f, \
            keeps showing what is appended, until it is interrupted.
            """,
        options: [
            .flag("follow", "keep showing what is appended (also: -f)"),
            .value("trace", .text("TRACE"), "only lines of this command"),
            .value("level", .choice(LogLevel.allCases.map(\.rawValue)), "only this level and those above it"),
            .value(
                "lines", .number("N"),
                "the last N lines (default: \(LogReader.Request.defaultCount), or all of a trace)"),
        ],
        topic: .look, role: .viewer,
        trace: .none,
        examples: [
            .init("batchmgr logs -f --level warn", "what goes wrong, as it happens"),
            .init("batchmgr logs --trace 7b0c…", "one command from its first line to its last"),
        ])
}

extension LogReader.Request {
    /// Lines that are shown when nothing else is said.
    fileprivate static let defaultCount = 100

    public init(_ arguments: ParsedArguments) {
        let traceID = arguments.value("trace")
        self.init(
            follows: arguments.has("follow"), traceID: traceID,
            level: arguments.value("level").flatMap { LogLevel(rawValue: $0) } ?? .debug,
            count: arguments.number("lines") ?? (traceID == nil ? LogReader.Request.defaultCount : nil))
    }
}

extension Command {
    static let logs = Command(.logs) { (arguments, call) throws(BatchError) in
        let request = LogReader.Request(arguments)
        let reader = LogReader(try call.workspace(), request)
        StopSignal.install()
        let isJSON = call.globals.isJSON
        let style = call.terminal.style
        try reader.read(
            sleep: call.work.sleep, stop: { StopSignal.isRequested },
            show: { (text, line) throws(BatchError) in
                try StandardStream.output.write((isJSON ? text : LogText.text(line, style)) + "\n")
            })
        return .done
    }
}

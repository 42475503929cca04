internal import BatchCore
public import BatchEngine

extension Verb {
    public static let logs = Verb(
        "logs", "show the structured log",
        details: """
            Text for people; with --json the lines as they are. Older files of the log are read too. With --tenant only lines about this \
            tenant. --follow, or -f, \
            keeps showing what is appended, until it is interrupted.
            """,
        options: [
            .flag("follow", "keep showing what is appended (also: -f)"),
            .value("job", .text("JOB"), "only lines about batches of this job").main,
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
            follows: arguments.has("follow"), traceID: traceID, job: arguments.value("job"),
            tenant: arguments.globals.tenant,
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
        var isEmpty = true
        let style = call.terminal.style
        // Of a name that nothing has, nothing would ever come.
        if request.follows { try call.requireKnown(job: request.job) }
        try reader.read(
            sleep: call.work.sleep, stop: { StopSignal.isRequested },
            show: { (text, line) throws(BatchError) in
                isEmpty = false
                try StandardStream.output.write((isJSON ? text : LogText.text(line, style)) + "\n")
            })
        if isEmpty, !request.follows { try call.requireKnown(job: request.job) }
        return .done
    }
}

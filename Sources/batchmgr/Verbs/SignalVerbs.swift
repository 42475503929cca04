internal import BatchCore
internal import BatchEngine
internal import BatchService

extension Verb {
    static let signalAdd = Verb(
        "signal add", "record a figure of the application: a latency, an error, a use",
        details: """
            The name is one that `signals:` in batchmgr.yaml declares: `signals: {checkout: latency}`. Latencies are milliseconds. \
            Sums are kept by the minute, for 400 days. With - many are read from the standard input, a name and a number on each \
            line: all of them are recorded, or none when one is wrong.
            """,
        options: [
            .required("name", .text("NAME"), "a declared name; - reads many").main,
            .value("value", .text("NUMBER"), "how many, how much, or how many milliseconds"),
        ],
        topic: .look, role: .operator, trace: .view,
        examples: [
            .init("batchmgr signal add checkout --value 120", "a checkout took 120 ms"),
            .init("batchmgr signal add - <figures.txt", "a hundred thousand of them in a second"),
        ])

    static let signalList = Verb(
        "signal list", "show the figures of the application: counts, means, 95th and 99th percentiles",
        options: [.value("since", .text("TIME"), "how far back, e.g. 7d (default: 24h)")],
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr signal list --since 1h", "how is the application doing?")])
}

extension Command {
    static let signalAdd = Command(.signalAdd) { (arguments, call) throws(BatchError) in
        let signals = Signals(try call.workspace(), context: call.work)
        let name = try arguments.required("name")
        if name == "-" {
            guard arguments.value("value") == nil else { throw .usage("- cannot be used with --value", arguments.verb) }
            try call.output.show(try signals.add(try figures(arguments.verb), tenant: call.globals.tenant))
            return .done
        }
        guard let value = Double(try arguments.required("value")) else {
            throw .usage("--value is a number", arguments.verb)
        }
        try call.output.show(try signals.add(name, value, tenant: call.globals.tenant))
        return .done
    }

    /// A name and a number on each line.
    private static func figures(_ verb: Verb) throws(BatchError) -> [(name: String, value: Double)] {
        var figures: [(name: String, value: Double)] = []
        var number = 0
        while let line = readLine() {
            number += 1
            let words = line.split(separator: " ")
            if words.isEmpty { continue }
            guard words.count == 2, let value = Double(words[1]) else {
                throw .usage("line \(number) is not a name and a number", verb)
            }
            figures.append((String(words[0]), value))
        }
        return figures
    }

    static let signalList = Command(.signalList) { (arguments, call) throws(BatchError) in
        let since = try arguments.moment("since", in: call.work, otherwise: .seconds(86_400))
        let signals = Signals(try call.workspace(), context: call.work)
        let report = try signals.list(since: since, tenant: call.globals.tenant)
        // An application may send signals of tenants that have no rows.
        if report.signals.allSatisfy({ $0.sum.count == 0 }) { try call.requireKnownTenant() }
        try call.output.show(report)
        return .done
    }
}

extension ParsedArguments {
    /// So long ago.
    func moment(_ name: String, in context: Context, otherwise: Duration) throws(BatchError) -> Timestamp {
        let text = value(name)
        guard let span = text.map({ Duration(text: $0) }) ?? otherwise else {
            throw .usage("--\(name) is not a span of time like 24h or 7d", verb)
        }
        return Timestamp(milliseconds: context.now().milliseconds - span.wholeMilliseconds)
    }
}

extension SignalReport: TextReport {
    func text(_ style: Style, width: Int) -> String { "" }
}

extension SignalBulkReport: TextReport {
    func text(_ style: Style, width: Int) -> String { "\(count) values\n" }
}

extension SignalListReport: TextReport {
    func text(_ style: Style, width: Int) -> String {
        if signals.isEmpty { return "no signals are declared: add `signals:` to batchmgr.yaml\n" }
        return signals.map { entry in
            let sum = entry.sum
            let p95 = sum.quantile(0.95).map { "  95 % up to \(Int($0))" } ?? ""
            let mean = sum.count == 0 ? "" : "  mean \(Int(sum.mean.rounded()))"
            return
                "\(sum.name)  \(entry.kind.rawValue)  \(sum.count) values\(mean)\(entry.kind == .latency ? p95 : "")\n"
        }.joined()
    }
}

internal import BatchCore
internal import BatchEngine

/// `/api/signals` and `/api/report`: what the application says about itself, and what batches say in figures.
enum SignalRoutes {
    private static let name = Parameter.job("name", "a signal that `batchmgr.yaml` declares")
    private static let since = Parameter.span("since", "how far back")

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/signals", name: "listSignals", summary: "What the application has said",
            access: .role(.viewer), query: [since], answer: .report(["signals"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try Signals(call.workspace, context: call.context).list(
                        since: try call.moment("since", otherwise: .seconds(86_400)), tenant: call.tenant))
            }),
        Route(
            method: .post, path: "/api/signals", name: "addSignal", summary: "Say a figure of the application",
            access: .role(.operator),
            body: [
                name.required, Parameter("value", .integer(0...1_000_000_000), "a count, or milliseconds").required,
            ],
            answer: .report(["signal", "value"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try Signals(call.workspace, context: call.context).add(
                        try call.required("name"), Double(call.number("value") ?? 0), tenant: call.tenant))
            }),
        Route(
            method: .get, path: "/api/report", name: "report", summary: "What batches did in a span of time",
            access: .role(.viewer), query: [since, .job()], answer: .report(["jobs", "signals"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try RunStatistics(call.workspace, context: call.context).report(
                        since: try call.moment("since", otherwise: .seconds(7 * 86_400)), job: call.value("job"),
                        tenant: call.tenant))
            }),
    ]
}

extension APICall {
    /// So long ago.
    fileprivate func moment(_ name: String, otherwise: Duration) throws(BatchError) -> Timestamp {
        guard let span = value(name).map({ Duration(text: $0) }) ?? otherwise else {
            throw BatchError(.usage, "'\(name)' is no span of time", hint: "write it as 24h or 7d")
        }
        return Timestamp(milliseconds: context.now().milliseconds - span.wholeMilliseconds)
    }
}

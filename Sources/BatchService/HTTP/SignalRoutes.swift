internal import BatchCore
internal import BatchEngine

/// `/api/signals` and `/api/report`: what the application says about itself, and what batches say in figures.
enum SignalRoutes {
    private static let name = Parameter.job("name", "a signal that `batchmgr.yaml` declares")
    private static let since = Parameter.span("since", "how far back")

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/signals", name: "listSignals", summary: "Figures of the application",
            access: .role(.viewer), query: [since], answer: .report(["signals"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try Signals(call.workspace, context: call.context).list(
                        since: try call.moment("since", otherwise: .seconds(86_400)), tenant: call.tenant))
            }),
        Route(
            method: .post, path: "/api/signals", name: "addSignal", summary: "Record a figure of the application",
            access: .role(.operator),
            body: [
                name, Parameter("value", .integer(0...1_000_000_000), "a count, or milliseconds"),
                Parameter("values", .series, "many at once, by name; all of them or none"),
            ],
            perform: { (call) throws(BatchError) in
                let signals = Signals(call.workspace, context: call.context)
                guard let values = call.value("values") else {
                    let value = Double(try call.required("value")) ?? 0
                    return call.report(try signals.add(try call.required("name"), value, tenant: call.tenant))
                }
                guard call.value("name") == nil, call.value("value") == nil else {
                    throw BatchError(
                        .usage, "'values' cannot be combined with others",
                        hint: "send name and value, or values: {NAME: [1, 2]}")
                }
                let members = (try? JSONParser.parse(values))?.members ?? []
                return call.report(
                    try signals.add(
                        members.flatMap { member in
                            (member.value.array ?? []).map { (member.key, $0.double ?? -1) }
                        }, tenant: call.tenant))
            }),
        Route(
            method: .get, path: "/api/slo", name: "slo", summary: "What the service promises, and whether it is kept",
            access: .role(.viewer), hasTenants: false,
            answer: .report(["level", "surfaces", "nightly", "saturation", "security_events"]),
            perform: { (call) throws(BatchError) in
                call.report(try ServiceLevels(call.api.workspace, context: call.context).report(by: call.api.meter))
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
            throw BatchError(.usage, "'\(name)' is not a span of time", hint: "write it as 24h or 7d")
        }
        return Timestamp(milliseconds: context.now().milliseconds - span.wholeMilliseconds)
    }
}

internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchDocuments
internal import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// What is about the service itself, and the calls that operators of the document pipeline know.
enum ServiceRoutes {
    static let all: [Route] = [
        Route(
            method: .get, path: "/openapi.yaml", name: "openapi", summary: "This document", access: .open,
            hasTenants: false, answer: .text("application/yaml"),
            perform: { call in .text(OpenAPI.yaml, type: "application/yaml") }),
        Route(
            method: .get, path: "/health", name: "health", summary: "Whether the service can do its work",
            access: .open,
            hasTenants: false, answer: .report(["live", "ready", "reasons"]), statuses: [503], perform: health),
        Route(
            method: .get, path: "/metrics", name: "metrics", summary: "Figures for Prometheus, or as JSON",
            access: .open,
            hasTenants: false, query: [Parameter("format", .choice(["json"]), "as JSON")],
            answer: .text("text/plain"), perform: metrics),
        Route(
            method: .get, path: "/metrics.json", name: "metricsJSON", summary: "Counts of jobs and documents",
            access: .open,
            hasTenants: false,
            answer: .report([
                "done", "error", "running", "queued", "disk_error", "pdf_invalid", "input_rejected_size",
                "input_rejected_signature", "updatedAt",
            ]),
            perform: { (call) throws(BatchError) in .json(try counts(call)) }),
        Route(
            method: .get, path: "/config", name: "getConfig", summary: "All settings", access: .open, hasTenants: false,
            hasPlainErrors: true,
            perform: { (call) throws(BatchError) in
                let hot = try HotSettings(call.workspace, context: call.context).values()
                return .json(.object(hot + [.init("http", call.workspace.http.json)]))
            }),
        Route(
            method: .get, path: "/api/config", name: "listSettings",
            summary: "All settings, and where each comes from; secrets are hidden", access: .role(.viewer),
            hasTenants: false, answer: .report(["settings"]),
            perform: { (call) throws(BatchError) in
                call.report(try SettingOrigins(call.workspace, context: call.context).report())
            }),
        Route(
            method: .post, path: "/api/service/restart", name: "restartWorkers",
            summary: "Restart the workers of the service, one after the other, or its HTTP",
            access: .role(.admin),
            hasTenants: false, action: "service restart",
            body: [.choice("kind", ServiceRestart.Kind.self, "what to restart (default: queue)")],
            answer: .report(["restart"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try Service.restart(call.choice("kind") ?? .queue, call.workspace, context: call.context))
            }),
        Route(
            method: .post, path: "/config", name: "setConfig", summary: "Change settings while the service runs",
            access: .role(.admin), hasTenants: false, action: "config set",
            body: HotSettings.table.map { entry in
                if case .number(let range)? = entry.hot {
                    return Parameter(entry.name, .integer(range), "\(range.lowerBound) to \(range.upperBound)")
                }
                return Parameter(entry.name, .text(pattern: "^[a-z]{3}([+][a-z]{3}){0,3}$"), "e.g. fra+eng")
            },
            answer: .report(["applied"]), hasPlainErrors: true, perform: setConfig),
        Route(
            method: .get, path: "/info", name: "info", summary: "Versions of tool and libraries",
            access: .role(.viewer),
            hasTenants: false, answer: .report(["version"]),
            perform: { call in
                // Where the engine is not installed, there is nothing to say about it.
                let engine = try? Documents.engine(in: call.api.workspace, context: call.context)
                return .json([
                    "format_version": 1, "version": .string(call.api.version),
                    "libraries": .object(LoadedLibraries.versions.map { .init($0.name, .string($0.version)) }),
                    "engine": engine ?? .null,
                ])
            }),
    ]

    // MARK: Health

    /// A reason names what cannot be worked with; what is wrong with it is in the log.
    static func health(_ call: APICall) throws(BatchError) -> HTTPResponse {
        var reasons: [String] = []
        func look(_ what: String, _ body: () throws(BatchError) -> Void) {
            do throws(BatchError) {
                try body()
            } catch {
                reasons.append("\(what): \(error.code.rawValue)")
                call.context.log.write(.error, "health", "\(what): \(error.logMessage)", module: .command, error: error)
            }
        }
        look("control.db") { () throws(BatchError) in
            let store = try call.context.store(of: call.workspace)
            _ = try store.queuePauses()
            // Who answers is the service, unless the file is another one than that it began with.
            guard try store.service()?.owner == .current() else { throw Service.lost(call.workspace) }
        }
        for database in call.workspace.databases where database.tenancy != .file {
            look("database \(database.name)") { () throws(BatchError) in
                _ = try Session.view(call.workspace.choosing(database), context: call.context)
            }
        }
        if let code = call.api.waitsFor { reasons.append("the service waits: \(code.rawValue)") }
        if call.request.isEnding() { reasons.append("the service ends") }
        let isReady = reasons.isEmpty
        return .json(
            [
                "format_version": 1, "live": true, "ready": .bool(isReady),
                "reasons": .array(reasons.map(JSONValue.string)),
            ], status: isReady ? 200 : 503)
    }

    // MARK: Metrics

    private static func metrics(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let wanted = call.request.header("accept")?.lowercased() ?? ""
        if call.value("format") == "json" || wanted.hasPrefix("application/json") { return .json(try counts(call)) }
        let page = try Metrics(call.api.workspace, context: call.context, version: call.api.version)
            .page(with: call.api.meter)
        return .text(page, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    /// Of jobs in the queue and documents together; single faults are those of documents.
    private static func counts(_ call: APICall) throws(BatchError) -> JSONValue {
        let counts = try call.context.store(of: call.workspace).queueCounts()
        let documents = try Documents.any(in: call.api.workspace, context: call.context)?.counts() ?? DocumentCounts()
        func sum(_ states: QueueState..., and more: Int) -> JSONValue {
            JSONValue(states.reduce(more) { $0 + (counts[$1] ?? 0) })
        }
        let sums: [JSONValue.Member] = [
            .init("format_version", 1), .init("done", sum(.done, .resolved, and: documents.done)),
            .init("error", sum(.failed, .dead, and: documents.failed)),
            .init("running", sum(.running, and: documents.running)),
            .init("queued", sum(.queued, .waiting, .retrying, and: documents.queued)),
        ]
        return .object(sums + documents.known + [.init("updatedAt", .string(call.context.now().iso8601))])
    }

    // MARK: Config

    private static func setConfig(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let members = HotSettings.table.compactMap { entry -> JSONValue.Member? in
            guard let text = call.value(entry.name) else { return nil }
            if case .number = entry.rule { return .init(entry.name, Int64(text).map(JSONValue.integer) ?? .null) }
            return .init(entry.name, .string(text))
        }
        try HotSettings(call.workspace, context: call.context).set(members)
        return .json(["applied": .object(members)])
    }
}

extension HTTPSettings {
    /// As `batchmgr.yaml` names them; there is no secret among them.
    var json: JSONValue {
        [
            "bind": .string(bind), "port": JSONValue(port), "public": .bool(isPublic),
            "trust_loopback": .bool(trustsLoopback), "proxies": .array(proxies.map(JSONValue.string)),
            "plain": .bool(isPlain), "tls": .bool(certificate != nil), "rate": JSONValue(rate),
            "body_kib": JSONValue(body >> 10), "connections": JSONValue(connections),
        ]
    }
}

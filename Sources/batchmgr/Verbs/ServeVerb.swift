internal import BatchCatalog
public import BatchCore
internal import BatchEngine
internal import BatchService
internal import BatchSystem

extension Verb {
    public static let serve = Verb(
        "serve", "keep the time of the schedules and work the queue, until it is stopped",
        details: """
            One process serves a workspace; its workers are processes of their own. The first SIGINT or SIGTERM ends each of them \
            at its next checkpoint; what is not done goes on when the service is back. Tells systemd when it is ready and alive \
            (Type=notify, WatchdogSec).
            """,
        options: [
            .value("workers", .number("N"), "processes that run jobs (default: 2)"),
            .value("port", .number("N"), "the port of the HTTP interface; 0 for one that is free (default: 18083)"),
            .value("bind", .text("ADDRESS"), "the address it listens on (default: 127.0.0.1)"),
            .flag("no-http", "answer nothing over HTTP"),
        ],
        topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr serve", "run what is due, from now on")])
}

extension Command {
    static let serve = Command(.serve) { (arguments, call) throws(BatchError) in
        var settings = ServiceSettings()
        if let workers = arguments.number("workers") {
            guard (0...64).contains(workers) else { throw .usage("--workers is 0 to 64", arguments.verb) }
            settings.workers = workers
        }
        let workspace = try call.workspace().answering(arguments)
        let place = workspace.file == nil ? ["--db", workspace.databases[0].path] : ["--workspace", workspace.folder]
        var service = try Service(
            workspace, context: call.workContext(), settings: settings,
            worker: [OwnProgram.path, "queue", "work", "--quiet", "--while", "\(Environment.processID)"] + place)
        if !arguments.has("no-http") {
            service.listen = { () throws(BatchError) in
                try HTTPListener(workspace, version: VersionReport.version) { .system() }
            }
            service.needsHTTP = arguments.has("port") || arguments.has("bind")
        }
        let output = call.output
        let report = try service.run { output.note($0) }
        try call.output.show(report)
        return .done
    }
}

extension Workspace {
    /// With what the command line says about HTTP, else the environment.
    fileprivate func answering(_ arguments: ParsedArguments) throws(BatchError) -> Workspace {
        var workspace = self
        let port = arguments.value("port") ?? Environment.value("ORCHESTRATOR_HTTP_PORT")
        if let port {
            guard let number = Int(port), (0...65_535).contains(number) else {
                throw .usage("'\(port)' is no port: 0 to 65535", arguments.verb)
            }
            workspace.http.port = number
        }
        if let bind = arguments.value("bind") ?? Environment.value("ORCHESTRATOR_HTTP_BIND") {
            workspace.http.bind = bind
        }
        return workspace
    }
}

extension ServiceReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { "served since \(began.seconds)\n" }
}

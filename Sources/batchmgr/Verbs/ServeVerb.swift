internal import BatchCatalog
public import BatchCore
internal import BatchEngine
internal import BatchService
internal import BatchSystem

extension Verb {
    public static let serve = Verb(
        "serve", "start jobs by their schedules and run the queue, until it is stopped",
        details: """
            One process serves a workspace; its workers are processes of their own. The first SIGINT or SIGTERM ends each of them \
            at its next checkpoint; unfinished work continues when the service is back. Tells systemd when it is ready and alive \
            (Type=notify, WatchdogSec).
            """,
        options: [
            .value("workers", .number("N"), "processes that run jobs (default: 2)"),
            .value("port", .number("N"), "the port of the HTTP interface; 0 for one that is free (default: 18083)"),
            .value("bind", .text("ADDRESS"), "the address it listens on (default: 127.0.0.1)"),
            .flag("no-http", "answer nothing over HTTP"),
            .flag("once", "fire what is due, work the queue until nothing is ready, and end; for timers"),
        ],
        topic: .run, role: .operator, trace: .workspace,
        examples: [.init("batchmgr serve", "run what is due, from now on")])

    static let serviceRestart = Verb(
        "service restart", "restart a part of the service: its workers, one after the other, or its HTTP",
        details: """
            Each ends at its next checkpoint, and another one takes its place; the next one follows when that has worked for a \
            moment. No job is lost, and the service itself stays. The audit has a row for the request and one for each \
            worker. With --kind http it closes its port and opens it again, with the certificate that is in the file now.
            """,
        options: [
            .value(
                "kind", .choice(ServiceRestart.Kind.allCases.map(\.rawValue)), "what to restart (default: queue)")
        ],
        topic: .run, role: .admin, trace: .workspace,
        examples: [.init("batchmgr service restart", "after an update of the program")])

    public static let scheduleInstall = Verb(
        "schedule install", "write the units with which systemd serves this workspace",
        details: """
            A service with a watchdog that systemd starts with the machine and again when it ends; or, with --timer, a timer that \
            looks once a minute. They are written and not enabled: the commands for that are shown.
            """,
        options: [
            .value("to", .folder("FOLDER"), "where to (default: the units of this user; as root those of the system)"),
            .flag("timer", "a timer instead of a service that keeps running"),
            .value("user", .text("NAME"), "for units of the system: the user it runs as"),
            .flag("dry-run", "only show them"),
        ],
        topic: .tool, role: .admin, trace: .workspace,
        examples: [.init("batchmgr schedule install --dry-run", "what would be written?")])
}

extension Command {
    static let serve = Command(.serve) { (arguments, call) throws(BatchError) in
        var settings = ServiceSettings()
        if let workers = arguments.number("workers") {
            guard (0...64).contains(workers) else { throw .usage("--workers is 0 to 64", arguments.verb) }
            settings.workers = workers
        }
        try KnownSetting.requireValidEnvironment()
        let workspace = try call.workspace().answering(arguments)
        let place = workspace.file == nil ? ["--db", workspace.databases[0].path] : ["--workspace", workspace.folder]
        var service = try Service(
            workspace, context: call.workContext(), settings: settings,
            worker: ["queue", "work", "--quiet", "--while", "\(Environment.processID)"] + place)
        if !arguments.has("no-http") {
            service.listen = { (port) throws(BatchError) in
                try HTTPListener(workspace, port: port, version: VersionReport.version) { .ofTool() }
            }
            service.needsHTTP = arguments.has("port") || arguments.has("bind")
        }
        let output = call.output
        // Whoever gathers lines of JSON wants no others; the log has the same.
        let isTold = workspace.log.following(Environment.value).isTold
        let note: (String) -> Void = { if !isTold { output.note($0) } }
        let report = try arguments.has("once") ? service.runOnce(note: note) : service.run(note: note)
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
                throw .usage("'\(port)' is not a port: 0 to 65535", arguments.verb)
            }
            workspace.http.port = number
        }
        if let bind = arguments.value("bind") ?? Environment.value("ORCHESTRATOR_HTTP_BIND") {
            workspace.http.bind = bind
        }
        return workspace
    }
}

extension Command {
    static let scheduleInstall = Command(.scheduleInstall) { (arguments, call) throws(BatchError) in
        let units = SystemdUnits(try call.workspace(), program: OwnProgram.path)
        let (isTimer, user) = (arguments.has("timer"), arguments.value("user"))
        let isSystem = user != nil || Environment.userID == 0
        let home = Environment.value("XDG_CONFIG_HOME") ?? (Environment.value("HOME") ?? "/") + "/.config"
        let folder = arguments.value("to") ?? (isSystem ? "/etc/systemd/system" : home + "/systemd/user")
        let files = units.files(isTimer: isTimer, isSystem: isSystem, user: user)
        let isDry = arguments.has("dry-run")
        let paths = try isDry ? files.map { "\(folder)/\($0.name)" } : units.write(files, to: folder)
        try call.output.show(
            UnitsReport(
                files: zip(paths, files).map { .init(path: $0, text: $1.text) }, unit: units.unit(isTimer: isTimer),
                isSystem: isSystem, isDry: isDry))
        return .done
    }
}

extension UnitsReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        if isDry { return files.map { "# \($0.path)\n\($0.text)\n" }.joined() }
        let control = isSystem ? "systemctl" : "systemctl --user"
        return files.map { "\($0.path) written\n" }.joined()
            + "start it: \(control) daemon-reload && \(control) enable --now \(unit)\n"
    }
}

extension Command {
    static let serviceRestart = Command(.serviceRestart) { (arguments, call) throws(BatchError) in
        let kind: ServiceRestart.Kind = try arguments.choice("kind") ?? .queue
        try call.output.show(try Service.restart(kind, try call.workspace(), context: call.work))
        return .done
    }
}

extension ServiceRestartReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let what =
            restart.kind == .queue
            ? "the workers are restarted, one after the other" : "the HTTP interface is restarted"
        return "\(what)\n" + style.next("see it: \(command: "audit list")")
    }
}

extension ServiceReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { "served since \(began.seconds)\n" }
}

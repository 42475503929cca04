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
            .value("workers", .number("N"), "processes that run jobs (default: 2)")
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
        let workspace = try call.workspace()
        let place = workspace.file == nil ? ["--db", workspace.databases[0].path] : ["--workspace", workspace.folder]
        let service = try Service(
            workspace, context: call.workContext(), settings: settings,
            worker: [OwnProgram.path, "queue", "work", "--quiet", "--while", "\(Environment.processID)"] + place)
        let output = call.output
        let report = try service.run { output.note($0) }
        try call.output.show(report)
        return .done
    }
}

extension ServiceReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { "served since \(began.seconds)\n" }
}

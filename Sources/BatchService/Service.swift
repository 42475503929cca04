public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// What a service is told when it begins.
public struct ServiceSettings: Hashable, Sendable {
    /// Processes that work the queue.
    public var workers: Int
    /// Milliseconds between two looks at the clock.
    public var poll: Int64

    public init(workers: Int = 2, poll: Int64 = 1_000) {
        self.workers = workers
        self.poll = poll
    }
}

/// `serve`: keeps the time of a workspace and its workers. One process at a time is the service; it works in child
/// processes, and whatever becomes of it, the next one goes on.
public struct Service {
    private let workspace: Workspace
    private let context: Context
    private let settings: ServiceSettings
    private let store: any ControlStore

    /// - Parameter worker: the arguments with which this program is a worker.
    public init(
        _ workspace: Workspace, context: Context, settings: ServiceSettings, worker: [String]
    ) throws(BatchError) {
        self.workspace = workspace
        self.context = context
        self.settings = settings
        self.worker = worker
        store = try context.wholeStore(of: workspace)
    }

    private let worker: [String]
    /// Begins to answer over HTTP, at this port where one is given; nil when nobody wants it.
    public var listen: (@Sendable (_ port: Int?) throws(BatchError) -> HTTPListener)?
    /// Without HTTP there is no service; else one whose port is taken keeps the time, and tries again.
    public var needsHTTP = false
    /// Milliseconds between two tries.
    private static let pauseOfListening: Int64 = 5_000

    /// Serves until it is asked to stop: then every worker ends at its next checkpoint.
    /// - Parameter note: told what people should know: beginning, workers that ended, the end.
    /// - Throws: `ERR_PERF_BUSY` when another process is the service of this workspace; `ERR_PERF_LEASE_LOST` when another
    ///   one has become it, or `control.db` was removed or replaced.
    public func run(note: @escaping (String) -> Void) throws(BatchError) -> ServiceReport {
        let lease = try store.takeService(.current(), at: context.now())
        defer { try? store.leaveService(lease, at: context.now()) }
        let begin = context.now()
        var scheduler = try Scheduler(workspace, context: context)
        var workers = WorkerGroup(
            worker, count: settings.workers, memory: workspace.queue.workerMemory, clock: context.clock)
        context.log.write(.info, "service.begin", "process \(Environment.processID) serves", module: .runner)
        note("serving \(workspace.folder) with \(settings.workers) \(settings.workers == 1 ? "worker" : "workers")")
        var listener = try beginListening(note)
        var triedAt = context.clock.now()
        var watch = Watch(workspace, context: context)
        ServiceNotice.send("READY=1")
        var isOurs = true
        var loss: BatchError?
        var obstacle: BatchError?
        var firings = 0
        while isOurs, store.isCurrent, context.stopWish() == .goOn {
            ServiceNotice.send("WATCHDOG=1")
            do throws(BatchError) {
                isOurs = try store.beatService(lease, at: context.now())
                firings += try tick(&scheduler, note)
                for (process, reason) in workers.endTooLarge() {
                    try? store.noteEnd(of: process, "its worker \(reason)")
                    tell("worker \(process) \(reason)", note)
                }
                let endings = workers.keep()
                for ending in endings { tell(ending, note) }
                try goOn(with: &workers, &listener, note)
                if !endings.isEmpty || listener?.takeDamage() == true { try context.requireWholeControl(of: workspace) }
                if obstacle != nil { tellGoingOn(note) }
                obstacle = nil
            } catch {
                if context.isControlDamage(error, of: workspace) {
                    loss = Service.damaged(workspace)
                    break
                }
                guard Service.passing.contains(error.code) else { throw error }
                if obstacle?.code != error.code { tell(obstacle: error, note) }
                obstacle = error
            }
            listener?.setObstacle(obstacle?.code)
            // What is written there would wait too, each for itself: longer than systemd waits for us.
            if obstacle == nil {
                watch.look()
                listener?.settle()
            }
            context.sleep(settings.poll)
            if listener == nil, listen != nil, context.clock.now() - triedAt > Service.pauseOfListening {
                triedAt = context.clock.now()
                listener = try beginListening { _ in }
            }
        }
        if !store.isCurrent { loss = Service.lost(workspace) }
        ServiceNotice.send("STOPPING=1")
        listener?.stop()
        if let loss { tell(of: loss, note) }
        end(&workers)
        if let loss { throw loss }
        context.log.write(.info, "service.end", "process \(Environment.processID) has served", module: .runner)
        guard isOurs else {
            throw BatchError(
                .leaseLost, "another process serves this workspace now", hint: "see who: \(command: "status")")
        }
        return ServiceReport(began: begin, ended: context.now(), firings: firings, workerCrashes: workers.crashes)
    }

    /// What a service or a worker ends with that has lost what it works on: whoever begins anew opens what is there now.
    static func lost(_ workspace: Workspace) -> BatchError {
        BatchError(
            .leaseLost, "\(workspace.backups)/control.db was removed or replaced while it was in use",
            hint:
                "start it again: \(command: "serve"); systemd does so. See whether jobs are lost: \(command: "queue list")"
        )
    }

    /// The same where the file is there, and SQLite cannot read it: the next one to open it rebuilds it.
    static func damaged(_ workspace: Workspace) -> BatchError {
        BatchError(
            .leaseLost, "\(workspace.backups)/control.db was damaged while it was in use",
            hint: "start it again, and it is rebuilt from what can be read: \(command: "serve"); systemd does so")
    }

    /// Says so where it will be read: in the store that is there now the service stands as one that did not end in good order.
    private func tell(of error: BatchError, _ note: (String) -> Void) {
        context.log.write(.error, "service.control", error.message, module: .runner, error: error)
        note(error.message)
        do throws(BatchError) {
            _ = try context.store(of: workspace).takeService(.current(), at: context.now())
        } catch {
            context.log.write(.error, "service.control", error.logMessage, module: .runner, error: error)
        }
        Notices(workspace, context: context).tell(
            .init(.damaged, job: nil, tenant: nil, message: error.message, at: context.now()))
    }

    /// What others end: nothing is fired or begun meanwhile, and all of it is tried again.
    private static let passing: Set<ErrorCode> = [.busy, .diskFull, .limitOfMachine, .file, .readOnly]

    private func tell(obstacle error: BatchError, _ note: (String) -> Void) {
        let what = error.code == .busy ? "another program has locked \(workspace.backups)/control.db" : nil
        context.log.write(
            .error, "service.waits", "the service waits: \(what ?? error.logMessage)", module: .runner, error: error)
        note("the service waits: \(what ?? error.message)")
    }

    private func tellGoingOn(_ note: (String) -> Void) {
        context.log.write(.info, "service.goes_on", "the service continues", module: .runner)
        note("the service continues")
    }

    private func tell(_ ending: String, _ note: (String) -> Void) {
        context.log.write(.error, "service.worker", ending, module: .runner)
        note(ending)
    }

    /// Wishes that a part of the service that runs begins anew.
    /// - Throws: `ERR_UX_WRONG_STATE` when none runs.
    public static func restart(
        _ kind: ServiceRestart.Kind, _ workspace: Workspace, context: Context
    ) throws(BatchError) -> ServiceRestartReport {
        let store = try context.store(of: workspace)
        guard try store.service()?.isRunning(at: context.now()) == true else {
            throw BatchError(
                .wrongState, "no service runs in \(workspace.folder), so it has no workers",
                hint: "start one: \(command: "serve")")
        }
        return ServiceRestartReport(try store.wishRestart(kind, context.act("service restart")))
    }

    /// Fires what is due now and works the queue until nothing is ready, in this process: for a timer of systemd or cron.
    /// - Throws: `ERR_PERF_BUSY` when another process is the service of this workspace.
    public func runOnce(note: @escaping (String) -> Void) throws(BatchError) -> ServiceReport {
        let lease = try store.takeService(.current(), at: context.now())
        defer { try? store.leaveService(lease, at: context.now()) }
        let begin = context.now()
        var scheduler = try Scheduler(workspace, context: context)
        let firings = try tick(&scheduler, note)
        _ = try QueueWorker(workspace, context: context).work(untilEmpty: true) { _ in }
        Watch(workspace, context: context).tellStuck()
        // There is no service that would.
        do throws(BatchError) { _ = try Notices(workspace, context: context).sendDue() } catch {
            context.log.write(
                .error, "service.notices", "notices could not be sent: \(error.logMessage)", module: .runner,
                error: error)
        }
        return ServiceReport(began: begin, ended: context.now(), firings: firings, workerCrashes: 0)
    }

    /// A schedule or a file that cannot be read does not end the service: it is told, and looked at again.
    private func tick(_ scheduler: inout Scheduler, _ note: (String) -> Void) throws(BatchError) -> Int {
        do throws(BatchError) {
            let firings = try scheduler.tick()
            for firing in firings { if let job = firing.job { note("\(firing.schedule) fires: job \(job)") } }
            return firings.count { $0.job != nil }
        } catch {
            guard error.code != .corruptLedger, !context.isControlDamage(error, of: workspace) else { throw error }
            context.log.write(
                .error, "service.tick", "the schedules could not be checked: \(error.logMessage)", module: .runner,
                error: error)
            return 0
        }
    }

    private func beginListening(
        at port: Int? = nil, _ note: (String) -> Void
    ) throws(BatchError) -> HTTPListener? {
        guard let listen else { return nil }
        do throws(BatchError) {
            let listener = try listen(port)
            context.log.write(.info, "service.http", "answers at \(listener.address)", module: .runner)
            note("answers at \(listener.address)")
            return listener
        } catch {
            guard error.code == .listen, !needsHTTP else { throw error }
            context.log.write(.warn, "service.http", error.message, module: .runner, error: error)
            note("no HTTP for now: \(error.message)")
            return nil
        }
    }

    /// Lets workers begin anew when somebody wishes it: the next one when the one before has worked for a moment.
    private func goOn(
        with workers: inout WorkerGroup, _ listener: inout HTTPListener?, _ note: (String) -> Void
    ) throws(BatchError) {
        guard let wish = try store.lastRestart(), wish.endedAt == nil else { return }
        if wish.kind == .http {
            // Who calls it finds it again, also where it was given any port.
            let port = listener?.port
            listener?.stop()
            listener = try beginListening(at: port, note)
            if listener != nil {
                try store.noteRestarted(
                    wish, worker: Int64(Environment.processID), context.act("service http", outcome: "restarted"))
            }
            return try store.endRestart(wish, at: context.now())
        }
        if !workers.isRestarting { workers.beginRestart() }
        if let process = workers.goOnRestarting() {
            note("worker \(process) was restarted, as \(wish.actor) asked")
            try store.noteRestarted(wish, worker: process, context.act("service worker", outcome: "restarted"))
        }
        if !workers.isRestarting { try store.endRestart(wish, at: context.now()) }
    }

    private func end(_ workers: inout WorkerGroup) {
        workers.askToEnd()
        while workers.areRunning {
            ServiceNotice.send("WATCHDOG=1")
            if context.stopWish() == .now { workers.end() }
            context.sleep(20)
        }
    }
}

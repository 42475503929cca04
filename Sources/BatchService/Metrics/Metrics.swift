public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchDocuments
public import BatchEngine
internal import BatchLedger
internal import BatchSystem
internal import Synchronization

/// `GET /metrics`, and the file for node_exporter. Labels are names of jobs, states and calls: there are never more of them
/// than a workspace has; tenants, batches and people are no labels.
public struct Metrics {
    private let workspace: Workspace
    private let context: Context
    private let version: String

    public init(_ workspace: Workspace, context: Context, version: String) {
        self.workspace = workspace
        self.context = context
        self.version = version
    }

    /// Without the figures of a service.
    /// - Throws: when `control.db` cannot be read. A database that cannot be read has no figures; `batchmgr_database_up` says so.
    public func page() throws(BatchError) -> String { try page(with: nil) }

    func page(with meter: RequestMeter?) throws(BatchError) -> String {
        var page = MetricsPage()
        page.add("batchmgr_build_info", .gauge, "Version of batchmgr; always 1.", [([("version", version)], 1)])
        try addDatabases(&page, meter)
        try addQueue(&page)
        addDocuments(&page)
        try addControl(&page)
        addWorkers(&page)
        if let levels = try? ServiceLevels(workspace, context: context).report(by: meter, atMost: 60_000) {
            add(levels, to: &page)
        }
        addHost(&page)
        meter?.add(to: &page)
        return page.text
    }

    // MARK: Databases

    private func addDatabases(_ page: inout MetricsPage, _ meter: RequestMeter?) throws(BatchError) {
        var up: [(labels: [(String, String)], value: Double)] = []
        var figures: [(name: String, now: LedgerFigures)] = []
        var log: [(labels: [(String, String)], value: Double)] = []
        for database in workspace.databases where database.tenancy != .file {
            let label = [("database", database.name)]
            let chosen = workspace.choosing(database)
            do throws(BatchError) {
                let session = try Session.view(chosen, context: context)
                let earlier = meter?.figures(of: session.path) ?? LedgerFigures()
                let read = try LedgerFigures.read(session, since: earlier)
                meter?.keep(read.settled, of: session.path)
                figures.append((database.name, read.now))
                log.append((label, Double(FileStatus(session.path + "-wal")?.size ?? 0)))
                up.append((label, 1))
            } catch {
                up.append((label, 0))
            }
        }
        page.add("batchmgr_database_up", .gauge, "Whether the database can be read.", up)
        page.add("batchmgr_sqlite_wal_bytes", .gauge, "Size of the write-ahead log of SQLite.", log)
        addRuns(&page, figures)
    }

    private func addRuns(_ page: inout MetricsPage, _ figures: [(name: String, now: LedgerFigures)]) {
        typealias Samples = [(labels: [(String, String)], value: Double)]
        var (runs, successes, counts, sums): (Samples, Samples, Samples, Samples) = ([], [], [], [])
        func each(_ value: (LedgerFigures) -> Int) -> Samples {
            figures.map { ([("database", $0.name)], Double(value($0.now))) }
        }
        var (stepCounts, stepSums, heals): (Samples, Samples, Samples) = ([], [], [])
        for (name, now) in figures {
            func label(_ job: String) -> [(String, String)] { [("database", name), ("job", job)] }
            for (run, count) in now.runs.sorted(by: {
                ($0.key.job, $0.key.status, $0.key.trigger) < ($1.key.job, $1.key.status, $1.key.trigger)
            }) {
                runs.append((label(run.job) + [("status", run.status), ("trigger", run.trigger)], Double(count)))
            }
            for (job, time) in now.lastSuccess.sorted(by: { $0.key < $1.key }) {
                successes.append((label(job), Double(time.milliseconds) / 1_000))
            }
            for (job, time) in now.times.sorted(by: { $0.key < $1.key }) {
                counts.append((label(job), Double(time.count)))
                sums.append((label(job), time.seconds))
            }
            for (step, time) in now.steps.sorted(by: { ($0.key.job, $0.key.step) < ($1.key.job, $1.key.step) }) {
                stepCounts.append((label(step.job) + [("step", step.step)], Double(time.count)))
                stepSums.append((label(step.job) + [("step", step.step)], time.seconds))
            }
            for (heal, count) in now.heals.sorted(by: {
                ($0.key.level, $0.key.outcome) < ($1.key.level, $1.key.outcome)
            }) {
                let labels = [("database", name), ("level", "\(heal.level)"), ("outcome", heal.outcome)]
                heals.append((labels, Double(count)))
            }
        }
        page.add("batchmgr_step_duration_seconds", "Time that steps took.", sums: stepSums, counts: stepCounts)
        page.add("batchmgr_heals_total", .counter, "Repairs that were carried out, by level and outcome.", heals)
        page.add("batchmgr_runs_total", .counter, "Batches that have ended, by how they ended.", runs)
        page.add(
            "batchmgr_run_duration_seconds_total", .counter, "Time that batches took, from beginning to end.", sums)
        page.add(
            "batchmgr_runs_timed_total", .counter, "Batches counted in batchmgr_run_duration_seconds_total.", counts)
        page.add(
            "batchmgr_last_success_timestamp_seconds", .gauge, "When a batch of the job was last committed.", successes)
        page.add("batchmgr_running", .gauge, "Batches at work.", each(\.running))
        page.add("batchmgr_rollbacks_total", .counter, "Rollbacks that were made.", each(\.rollbacks))
        page.add(
            "batchmgr_restore_points_pending", .gauge, "Restore points whose copies are not written yet.",
            each(\.pendingPoints))
        page.add(
            "batchmgr_restore_points_unproven", .gauge, "Restore points that no drill has restored yet.",
            each(\.unprovenPoints))
    }

    // MARK: Workspace

    private func addQueue(_ page: inout MetricsPage) throws(BatchError) {
        let store = try context.store(of: workspace)
        let counts = try store.queueCounts()
        page.add(
            "batchmgr_queue_jobs", .gauge, "Jobs in the queue, by state.",
            QueueState.allCases.map { ([("state", $0.rawValue)], Double(counts[$0] ?? 0)) })
        let figures = try store.queueFigures()
        let age = figures.oldestReady.map { Double(max(0, context.now().milliseconds - $0.milliseconds)) / 1_000 }
        page.add(
            "batchmgr_queue_oldest_seconds", .gauge,
            "How long the oldest runnable job has waited; 0 when there is none.",
            age ?? 0)
        page.add(
            "batchmgr_queue_attempts_total", .counter, "Attempts that workers have begun.", Double(figures.attempts))
        page.add(
            "batchmgr_queue_crashes_total", .counter, "Attempts whose worker died.",
            Double(figures.crashes))
        let counters = try store.counters()
        for counter in ControlCounter.allCases {
            let own = counters.filter { $0.counter == counter }
            page.add(
                "batchmgr_queue_\(counter.rawValue)_total", .counter, Metrics.help(counter),
                own.isEmpty ? [([], 0)] : own.map { ([("job", $0.label)], Double($0.value)) })
        }
        page.add(
            "batchmgr_queue_paused", .gauge, "Pauses: of kinds of jobs, and of the queue as a whole.",
            Double(try store.queuePauses().count))
    }

    /// Those that cannot be read have no figures; `batchmgr_database_up` says so.
    private func addDocuments(_ page: inout MetricsPage) {
        guard let documents = try? Documents.any(in: workspace, context: context),
            let counts = try? documents.counts()
        else { return }
        page.add(
            "batchmgr_documents", .gauge, "Documents, by state.",
            DocumentCounts.states.map { ([("state", $0)], Double(counts.states[$0] ?? 0)) })
        page.add(
            "batchmgr_documents_failed", .gauge, "Documents that could not be read, by the fault.",
            counts.faults.sorted { $0.key < $1.key }.map { ([("fault", $0.key)], Double($0.value)) })
    }

    private static func help(_ counter: ControlCounter) -> String {
        switch counter {
        case .retries: "Jobs that failed and were put back to be tried again."
        case .timeouts: "Attempts that took longer than allowed."
        case .leaseExpirations: "Jobs that were taken from a worker that is gone."
        case .fencedWrites: "Writes of workers that came too late, which were refused."
        case .busy: "Attempts that found the database held by somebody else."
        }
    }

    /// Of the children of the service, by their age; the first one is 0.
    private func addWorkers(_ page: inout MetricsPage) {
        guard let service = try? context.store(of: workspace).service(), service.isRunning(at: context.now()),
            let owner = service.owner
        else { return }
        let sizes = HostFigures.children(of: owner.process).compactMap { HostFigures.residentMemory(of: $0) }
        page.add(
            "batchmgr_worker_resident_memory_bytes", .gauge, "Memory of each worker of the service.",
            sizes.enumerated().map { ([("worker", "\($0.offset)")], Double($0.element)) })
    }

    private func add(_ levels: SLOReport, to page: inout MetricsPage) {
        page.add(
            "batchmgr_slo_budget_left_ratio", .gauge, "What is left of the error budget of 30 days; 1 is all of it.",
            levels.surfaces.map { ([("surface", $0.definition.surface.rawValue)], $0.budgetLeft) })
        page.add(
            "batchmgr_slo_burn_rate", .gauge, "How much faster than allowed the budget is used up.",
            levels.surfaces.flatMap { entry in
                entry.windows.map { window in
                    let span = Duration.milliseconds(window.span).text
                    let labels = [("surface", entry.definition.surface.rawValue), ("window", span)]
                    return (labels, window.burn(entry.definition.budget))
                }
            })
        page.add(
            "batchmgr_security_events", .gauge, "Refusals for security in the last hour.", Double(levels.securityEvents)
        )
    }

    private func addControl(_ page: inout MetricsPage) throws(BatchError) {
        let store = try context.store(of: workspace)
        let now = context.now()
        let safe = try store.switches().value(of: .safeMode(.everywhere), at: now) == .on
        page.add("batchmgr_safe_mode", .gauge, "1 while safe mode is on everywhere.", safe ? 1 : 0)
        page.add(
            "batchmgr_circuit_open", .gauge, "1 while a circuit is open or half open.",
            try store.circuits().map { ([("circuit", $0.name)], $0.state == .closed ? 0 : 1) })
        page.add(
            "batchmgr_contract_violations", .gauge, "Rows that break a contract, at its last check.",
            try store.figures(of: .contractViolations).map { ([("contract", $0.label)], Double($0.value)) })
        let plans = try store.plans().count { $0.status == .proposed }
        page.add("batchmgr_plans_waiting", .gauge, "Patch plans that nobody has approved or rejected.", Double(plans))
        let service = try store.service()?.isRunning(at: now) ?? false
        page.add("batchmgr_service_up", .gauge, "1 while a service keeps the time of the workspace.", service ? 1 : 0)
    }

    private func addHost(_ page: inout MetricsPage) {
        page.add("batchmgr_host_load1", .gauge, "Load of the machine, of one minute.", HostFigures.load)
        page.add(
            "batchmgr_host_cpu_seconds_total", .counter, "Time that its processors have been busy.",
            HostFigures.busySeconds)
        page.add(
            "batchmgr_host_memory_available_bytes", .gauge, "Memory that is available to programs.",
            HostFigures.availableMemory.map(Double.init))
        page.add(
            "batchmgr_disk_free_bytes", .gauge, "Free space on the disk of the backups.",
            HostFigures.freeDisk(workspace.hasRecords ? workspace.backups : workspace.folder).map(Double.init))
        page.add(
            "batchmgr_resident_memory_bytes", .gauge, "Memory of the process that answers.",
            HostFigures.residentMemory.map(Double.init))
    }
}

/// What a service counts of the requests it answers, and what it remembers from one page to the next.
final class RequestMeter: Sendable {
    private struct Call: Hashable {
        let name: String
        /// `2xx`
        let status: String
    }

    private struct State {
        var calls: [Call: Int] = [:]
        var times: [String: Histogram] = [:]
        var figures: [String: LedgerFigures] = [:]
        var levels: (report: SLOReport, took: Int64)?
        /// What is to be kept of each surface, by the names of its signals.
        var sums: [String: SignalSum] = [:]
        var keptAt: Int64 = 0
    }

    private let state = Mutex(State())
    /// Milliseconds after which what was measured is kept.
    private static let period: Int64 = 10_000

    /// - Parameters:
    ///   - surface: whose promise it counts for; nil for none.
    ///   - begin: milliseconds, as the end.
    func note(
        _ name: String, status: Int, _ surface: SLODefinition.Surface?, from begin: Int64, to end: Int64
    ) {
        state.withLock {
            $0.calls[Call(name: name, status: "\(status / 100)xx"), default: 0] += 1
            $0.times[name, default: Histogram()].add(Double(end - begin) / 1_000)
            guard let surface else { return }
            var names = [ServiceLevels.signal(surface)]
            if status >= 500 { names.append(ServiceLevels.failures(surface)) }
            let time = Double(end - begin)
            for name in names {
                $0.sums[name, default: SignalSum(name)].add(bucket: SignalSum.bucket(of: time), count: 1, sum: time)
            }
        }
    }

    /// Hands out what is to be kept, once in a while.
    func take(at now: Int64, isLast: Bool = false) -> [SignalSum] {
        state.withLock {
            guard isLast || now - $0.keptAt >= RequestMeter.period else { return [] }
            $0.keptAt = now
            let sums = Array($0.sums.values)
            $0.sums = [:]
            return sums
        }
    }

    /// The last report on the promises, and how many milliseconds it took.
    var levels: (report: SLOReport, took: Int64)? { state.withLock { $0.levels } }
    func keep(_ levels: SLOReport, took: Int64) { state.withLock { $0.levels = (levels, took) } }

    func figures(of path: String) -> LedgerFigures? { state.withLock { $0.figures[path] } }
    func keep(_ figures: LedgerFigures, of path: String) { state.withLock { $0.figures[path] = figures } }

    func add(to page: inout MetricsPage) {
        let (calls, times) = state.withLock { ($0.calls, $0.times) }
        page.add(
            "batchmgr_http_requests_total", .counter, "Requests that were answered, by call and status.",
            calls.sorted { ($0.key.name, $0.key.status) < ($1.key.name, $1.key.status) }
                .map { ([("call", $0.key.name), ("status", $0.key.status)], Double($0.value)) })
        page.add(
            "batchmgr_http_request_duration_seconds", "How long answers took.",
            histograms: times.sorted { $0.key < $1.key }.map { ([("call", $0.key)], $0.value) })
    }
}

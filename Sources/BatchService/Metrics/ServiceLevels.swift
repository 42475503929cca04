public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// `metrics slo`: what was promised in `slo.yaml`, held against what was measured.
public struct ServiceLevels {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    private static let hour: Int64 = 3_600_000
    /// Two windows tell a short trouble from a long one.
    private static let windows: [Int64] = [hour, 6 * hour]
    /// What the budget is for.
    private static let month: Int64 = 30 * 24 * hour
    /// What runs more often than this is judged by its failures, the rest by when it went well last.
    private static let often: Int64 = 6 * hour
    /// Batches that are looked at.
    private static let mostBatches = 200_000

    /// Under which the service keeps what it measures of a surface: a name that nobody can declare.
    static func signal(_ surface: SLODefinition.Surface) -> String { "@\(surface.rawValue)" }
    static func failures(_ surface: SLODefinition.Surface) -> String { "@\(surface.rawValue).failed" }

    /// The report that a service remembers, or a new one. Looking through long ledgers at every call would keep it busy.
    /// - Parameter age: milliseconds that a remembered one may be old; nil: twenty times what it took.
    func report(by meter: RequestMeter?, atMost age: Int64? = nil) throws(BatchError) -> SLOReport {
        let begin = context.clock.now()
        if let known = meter?.levels {
            let since = context.now().milliseconds - known.report.at.milliseconds
            if since >= 0, since < age ?? known.took * 20 { return known.report }
        }
        let report = try report()
        meter?.keep(report, took: context.clock.now() - begin)
        return report
    }

    /// - Throws: `ERR_UX_INVALID_CATALOG` when `slo.yaml` has a mistake.
    public func report() throws(BatchError) -> SLOReport {
        let now = context.now()
        let declared = try ServicePromises.load(folder: workspace.catalog).valid()
        let catalog = try workspace.loadCatalog(StepRegistry.builtIn.rules())
        let spans = ServiceLevels.windows + [ServiceLevels.month]
        let scheduled = try schedules(catalog)
        var ledgers = LedgerTimes(spans, at: now, leavingOut: Set(scheduled.map(\.job)))
        var securityEvents: Set<SecurityEvent> = []
        for database in workspace.databases where database.tenancy != .file {
            guard let session = try? Session.view(workspace.choosing(database), context: context) else { continue }
            try ledgers.read(session)
            let since = Timestamp(milliseconds: now.milliseconds - ServiceLevels.hour)
            securityEvents.formUnion(try session.securityEvents(since: since))
        }
        let waiting = try waitingJobs()
        let entries = try declared.surfaces.map { (definition) throws(BatchError) -> SLOReport.Entry in
            let isWork = definition.surface == .tenantWork
            var measured = isWork ? ledgers.windows : spans.map { SLOWindow(span: $0) }
            for place in measured.indices { try addSignals(&measured[place], definition.surface, now) }
            return SLOReport.Entry(
                definition, windows: Array(measured.dropLast()), month: measured[measured.count - 1],
                isOverloaded: isWork && waiting > definition.queue)
        }
        return SLOReport(
            at: now, surfaces: entries,
            nightly: try nightly(scheduled, ledgers.lastSuccess, now),
            saturation: saturation(waiting, declared), securityEvents: securityEvents.count)
    }

    private func waitingJobs() throws(BatchError) -> Int {
        guard workspace.hasRecords else { return 0 }
        let counts = try context.store(of: workspace).queueCounts()
        return [QueueState.queued, .retrying].reduce(0) { $0 + (counts[$1] ?? 0) }
    }

    private func saturation(_ waiting: Int, _ declared: ServicePromises) -> SLOReport.Saturation {
        SLOReport.Saturation(
            queue: waiting, queueLimit: declared.surfaces.first { $0.surface == .tenantWork }?.queue ?? 0,
            load: HostFigures.load.map { $0 / Double(HostFigures.processors) }, memory: HostFigures.usedMemoryShare,
            diskFree: HostFigures.freeDiskShare(workspace.hasRecords ? workspace.backups : workspace.folder))
    }

    /// What the service has measured of its answers; of the work of tenants what the application says of it.
    private func addSignals(
        _ window: inout SLOWindow, _ surface: SLODefinition.Surface, _ now: Timestamp
    ) throws(BatchError) {
        guard workspace.hasRecords else { return }
        let since = Timestamp(milliseconds: now.milliseconds - window.span)
        for sum in try context.store(of: workspace).signalSums(since: since, tenant: nil) {
            if surface == .tenantWork {
                switch workspace.signals[sum.name] {
                case .latency: window.add(sum)
                case .error: window.add(failed: Int64(sum.sum))
                case .usage, nil: break
                }
            } else if sum.name == ServiceLevels.signal(surface) {
                window.add(sum)
            } else if sum.name == ServiceLevels.failures(surface) {
                window.add(failed: sum.count)
            }
        }
    }

    // MARK: Schedules

    /// The jobs that a schedule runs, with the longest time from one firing to the next.
    private func schedules(_ catalog: Catalog) throws(BatchError) -> [(job: String, gap: Int64)] {
        var gaps: [String: Int64] = [:]
        var all = catalog.jobs.compactMap { job in job.schedule.map { (job.id, $0) } }
        if workspace.hasRecords {
            all += try context.store(of: workspace).schedules().filter { $0.pause == nil }
                .map { ($0.job, $0.definition) }
        }
        for (job, definition) in all {
            let next = try definition.firingTimes().next(2, after: context.now())
            guard next.count == 2 else { continue }
            gaps[job] = max(gaps[job] ?? 0, next[1].milliseconds - next[0].milliseconds)
        }
        return gaps.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func nightly(
        _ schedules: [(job: String, gap: Int64)], _ successes: [String: Timestamp], _ now: Timestamp
    ) throws(BatchError) -> [SLOReport.Nightly] {
        schedules.filter { $0.gap >= ServiceLevels.often }.map { job, gap in
            SLOReport.Nightly(job: job, lastSuccess: successes[job], limit: gap + ServiceLevels.hour, at: now)
        }
    }

    /// What the batches of jobs without a schedule took.
    private struct LedgerTimes {
        private let now: Timestamp
        /// Of which nobody waits for the end.
        private let scheduled: Set<String>
        private(set) var windows: [SLOWindow]
        private(set) var lastSuccess: [String: Timestamp] = [:]

        init(_ spans: [Int64], at now: Timestamp, leavingOut scheduled: Set<String>) {
            self.now = now
            self.scheduled = scheduled
            windows = spans.map { SLOWindow(span: $0) }
        }

        mutating func read(_ session: Session) throws(BatchError) {
            guard try session.ledger.exists() else { return }
            for job in scheduled {
                let sql = """
                    SELECT max(finished_at) FROM main.batchmgr_batches WHERE job = ? AND kind = 'batch' \
                    AND finished_at IS NOT NULL AND status NOT IN ('failed', 'stopped')
                    """
                guard let text = try session.connection.value(sql, [.string(job)])?.string,
                    let time = Timestamp(iso8601: text)
                else { continue }
                lastSuccess[job] = max(time, lastSuccess[job] ?? time)
            }
            let first = Timestamp(milliseconds: now.milliseconds - (windows.map(\.span).max() ?? 0)).iso8601
            let sql = """
                SELECT job, started_at, finished_at, status FROM (SELECT * FROM main.batchmgr_batches ORDER BY seq DESC \
                LIMIT \(ServiceLevels.mostBatches)) WHERE kind = 'batch' AND finished_at >= ? AND status <> 'stopped'
                """
            for row in try session.connection.rows(sql, [.string(first)]) {
                guard let job = row[0].string, !scheduled.contains(job),
                    let begin = row[1].string.flatMap(Timestamp.init(iso8601:)),
                    let end = row[2].string.flatMap(Timestamp.init(iso8601:))
                else { continue }
                let age = now.milliseconds - end.milliseconds
                for place in windows.indices where age <= windows[place].span {
                    windows[place].add(
                        milliseconds: Double(max(0, end.milliseconds - begin.milliseconds)),
                        hasFailed: row[3].string == BatchStatus.failed.rawValue)
                }
            }
        }
    }
}

public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchHealing

/// `check`: one look at a workspace, for a program that watches many.
public struct MonitoringCheck {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// - Parameter maximumAge: of the last success of every job that has a schedule; nil: their age does not count.
    public func report(maximumAge: Duration?) -> MonitoringReport {
        var report = MonitoringReport()
        do throws(BatchError) {
            let catalog = try workspace.loadCatalog(StepRegistry.builtIn.rules())
            for database in workspace.databases where database.tenancy != .file {
                let jobs = catalog.jobs.filter { $0.schedule != nil && ($0.database ?? database.name) == database.name }
                look(at: database, jobs.map(\.id), maximumAge, &report)
                lookAtRepairs(database, catalog.jobs, &report)
            }
            try lookAtQueue(&report)
        } catch {
            report.add(.unknown, "\(error.code.rawValue): \(error.message)")
        }
        return report
    }

    private func look(
        at database: DatabaseDefinition, _ jobs: [String], _ maximumAge: Duration?, _ report: inout MonitoringReport
    ) {
        do throws(BatchError) {
            let session = try Session.view(workspace.choosing(database), context: context)
            let figures = try LedgerFigures.read(session, since: LedgerFigures()).now
            if figures.pendingPoints > 0 {
                report.add(.warning, "\(database.name): \(figures.pendingPoints) restore points wait for their copies")
            }
            for mistake in try session.policyMistakes() {
                report.add(.critical, "\(database.name): \(mistake.message)")
            }
            for half in try session.halfDone() where half.overtaker == nil {
                report.add(.warning, "\(database.name): \(half.batch) is half done")
            }
            guard let maximumAge else { return }
            for job in jobs {
                guard let last = figures.lastSuccess[job] else {
                    report.add(.critical, "\(job) has never succeeded")
                    continue
                }
                let age = context.now().milliseconds - last.milliseconds
                if age > maximumAge.wholeMilliseconds {
                    report.add(.critical, "\(job) last succeeded at \(last.seconds)")
                }
            }
        } catch {
            report.add(.critical, "\(database.name): \(error.code.rawValue): \(error.message)")
        }
    }

    private func lookAtRepairs(
        _ database: DatabaseDefinition, _ jobs: [JobDefinition], _ report: inout MonitoringReport
    ) {
        do throws(BatchError) {
            let session = try Session.view(workspace.choosing(database), context: context)
            for repair in try HealthView(session, jobs: jobs).repairs {
                let (id, tenants) = (repair.job.id, repair.frozen.filter { !$0.isEmpty })
                if let since = repair.haltedSince {
                    report.add(.critical, "\(database.name): repair \(id) is halted since \(since.seconds)")
                } else {
                    let whose = tenants.isEmpty ? "" : " for \(tenants.joined(separator: ", "))"
                    report.add(.warning, "\(database.name): repair \(id) is frozen\(whose)")
                }
            }
        } catch {
            report.add(.unknown, "\(database.name): \(error.code.rawValue): \(error.message)")
        }
    }

    private func lookAtQueue(_ report: inout MonitoringReport) throws(BatchError) {
        guard workspace.hasRecords else { return }
        let store = try context.store(of: workspace)
        if let service = try store.service(), service.owner != nil, !service.isRunning(at: context.now()) {
            report.add(
                .critical, "the service that began at \(service.takenAt.seconds) has ended without saying so")
        }
        let counts = try store.queueCounts()
        let lost = (counts[.failed] ?? 0) + (counts[.dead] ?? 0)
        if lost > 0 { report.add(.warning, "\(lost) jobs of the queue have failed for good") }
        if try !store.queuePauses().isEmpty { report.add(.warning, "the queue, or a part of it, is paused") }
        let now = context.now()
        for state in try store.switches().states where state.holds(at: now) && state.value == .on {
            guard case .safeMode(let scope) = state.name else { continue }
            report.add(.warning, scope == .everywhere ? "safe mode is on" : "\(state.name) is on")
        }
        let critical = try store.incidents(IncidentFilter(isOpen: true)).filter { $0.severity == .critical }
        if !critical.isEmpty {
            let noun = critical.count == 1 ? "1 critical incident is" : "\(critical.count) critical incidents are"
            report.add(.critical, "\(noun) open: \(critical.prefix(5).map(\.name).joined(separator: ", "))")
        }
    }
}

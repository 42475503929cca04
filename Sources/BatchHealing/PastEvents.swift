internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchEngine

/// What happened lately, as the audit, the queue, the documents and the machine tell: rules are held against it.
struct PastEvents {
    let session: Session

    private static let day: Int64 = 86_400_000

    /// - Parameter documents: only what happened to documents.
    func all(since: Timestamp, documents: Bool) throws(BatchError) -> [RuleEvent] {
        let own = try session.context.documents?.events(in: session, since: since) ?? []
        return documents
            ? own
            : try own + errors(since: since) + queue(since: since) + quotas()
                + RuleEvent.ofHost(session.workspace.folder, at: session.context.now())
    }

    /// Failures and refusals, as the audit tells them.
    func errors(since: Timestamp) throws(BatchError) -> [RuleEvent] {
        let jobs = (try? session.workspace.loadCatalog(session.context.steps.rules()).jobs) ?? []
        let declared = try? ModuleList.load(folder: session.workspace.catalog)
        var filter = AuditFilter(tenant: session.owner)
        filter.since = since.iso8601
        return try session.listAudit(filter).rows.compactMap { row -> RuleEvent? in
            guard ["failed", "refused"].contains(row.entry.outcome), let at = Timestamp(iso8601: row.entry.at),
                let details = try? JSONParser.parse(row.entry.details), let code = details["code"]?.string,
                // It became a plan.
                code != ErrorCode.approvalRequired.rawValue
            else { return nil }
            let job = row.entry.batch.flatMap { BatchID($0)?.job }
            let module = jobs.first { $0.id == job }.flatMap { declared?.modules(of: $0).first }
            // A tenant that was not named, or a shared table, is a slip: nobody's rows were reached.
            let isLeak = row.entry.tenant != nil && details["reached"] == BatchError.otherTenantsRow
            return RuleEvent(
                at: at, kind: isLeak ? "cross_tenant" : "error", code: code, module: module, tenant: row.entry.tenant,
                batch: row.entry.batch)
        }
    }

    func queue(since: Timestamp) throws(BatchError) -> [RuleEvent] {
        let store = try session.context.store(of: session.workspace)
        var events: [RuleEvent] = []
        for job in try store.queueJobs(QueueFilter(tenant: session.owner, limit: 10_000))
        where job.stateAt >= since {
            if job.state == .dead {
                events.append(.init(at: job.stateAt, kind: "dead_letter", tenant: job.order.tenant))
            }
            for attempt in 0..<max(job.attempts, 0) {
                events.append(
                    .init(at: job.stateAt, kind: "attempt", tenant: job.order.tenant, value: Double(attempt + 1)))
            }
        }
        return events
    }

    /// How much of the work of a day each module has used, in percent.
    private func quotas() throws(BatchError) -> [RuleEvent] {
        let declared = try ModuleList.load(folder: session.workspace.catalog)
        let modules = declared.modules
        guard modules.contains(where: { $0.quota != .init() }) else { return [] }
        let now = session.context.now()
        let jobs = (try? session.workspace.loadCatalog(session.context.steps.rules()).jobs) ?? []
        let batches = try session.list(ListRequest(limit: 100_000)).batches.filter {
            $0.startedAt.milliseconds >= now.milliseconds - PastEvents.day
        }
        return modules.compactMap { module -> RuleEvent? in
            let names = Set(jobs.filter { declared.modules(of: $0).contains(module.id) }.map(\.id))
            let own = batches.filter { names.contains($0.batch.job) }
            let shares = [
                module.quota.batchesPerDay.map { Double(own.count) * 100 / Double($0) },
                module.quota.rowsPerDay.map { Double(own.reduce(0) { $0 + $1.rows.total }) * 100 / Double($0) },
            ]
            guard let most = shares.compactMap(\.self).max() else { return nil }
            return RuleEvent(at: now, kind: "quota", module: module.id, value: most)
        }
    }
}

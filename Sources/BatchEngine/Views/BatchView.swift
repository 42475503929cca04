internal import BatchCatalog
public import BatchCore
internal import BatchLedger

extension Session {
    /// `list`: the batches, the latest first; none when no batch has run on the database.
    public func list(_ request: ListRequest) throws(BatchError) -> ListReport {
        guard try ledger.exists() else { return ListReport(batches: []) }
        return try reading { () throws(BatchError) in
            let replays = try ledger.replays()
            var found: [BatchSummary] = []
            var isMore = false
            try ledger.forEachBatchFromNewest(
                of: request.job,
                // One whose process has died is shown as stopped, and not noted yet.
                where:
                    "(?2 IS NULL OR tenant = ?2 OR ?4 AND tenant IS NULL) AND (?3 IS NULL OR status = ?3 OR status = 'running')",
                [
                    .optional(database.tenancy == .file ? nil : tenant),
                    .optional(request.status?.rawValue), .integer(request.withShared ? 1 : 0),
                ]
            ) { (batch) in
                let summary = BatchSummary(batch, shownStatus(of: batch), replays)
                if let status = request.status, summary.status != status { return true }
                if found.count == request.limit {
                    isMore = true
                    return false
                }
                found.append(summary)
                return true
            }
            if found.isEmpty, let job = request.job { try requireKnownJob(job) }
            return ListReport(batches: found, isMore: isMore)
        }
    }

    /// A job without batches is one of the catalog, or a slip of the pen.
    /// - Throws: `ERR_UX_UNKNOWN_JOB`.
    public func requireKnownJob(_ job: String) throws(BatchError) {
        let begun = try ledger.exists() ? try ledger.jobs() : []
        let known = Set(begun + ((try? workspace.loadCatalog(context.steps.rules()).jobs.map(\.id)) ?? []))
            .sorted()
        guard !known.contains(job) else { return }
        throw BatchError(
            .unknownJob, "no batch and no job is called '\(job)'\(Suggestion.clause(for: job, in: known))",
            hint: "see the batches: \(command: "list")")
    }

    /// `show`
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`.
    public func show(_ reference: BatchReference) throws(BatchError) -> BatchDetail {
        try reading { () throws(BatchError) in
            let batch = try BatchLookup(self).batch(reference)
            let point = try ledger.points(where: "batch = ?", [.integer(batch.seq)]).last
            var detail = BatchDetail(
                summary: BatchSummary(batch, shownStatus(of: batch), try ledger.replays()),
                jobVersion: batch.jobVersion, traceID: batch.traceID, parameters: parameters(batch),
                error: batch.error, checkpoints: try checkpoints(batch), dependents: try dependents(of: batch),
                restorePoint: point.map { PointsView(session: self).summary($0) },
                rollsBack: batch.rollsBack.map { $0.split { ", ".contains($0) }.compactMap { BatchID(String($0)) } }
                    ?? [])
            detail.isThinned = try ledger.isThinned(batch: batch.seq)
            detail.undoneBy = try ledger.undoers(of: batch.seq)
            let drill = try lastDrill()
            if let point, point.status == .complete, point.createdAt <= drill {
                detail.provenAt = Timestamp(ledger: drill)
            }
            detail.actor = batch.actor
            detail.key = batch.idempotencyKey
            detail.changedRows = try ledger.changedRows(of: batch)
            detail.tables = try ledger.touchedRows(in: try ledger.checkpoints(of: batch.seq).map(\.id))
                .sorted { $0.key < $1.key }.map { .init(table: $0.key, rows: $0.value) }.filter { $0.rows.total > 0 }
            for effect in try ledger.allEffects(of: batch.seq) {
                switch effect.kind {
                case ExportStep.name: detail.files.append(BatchDetail.WrittenFile(effect))
                case ExecStep.name: detail.programs.append(BatchDetail.ProgramRun(effect))
                default: break
                }
            }
            return detail
        }
    }

    /// The batch that left the database in the state that is meant.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`, `ERR_UX_UNKNOWN_POINT`.
    public func batch(at point: PointReference) throws(BatchError) -> BatchReference {
        try PointLocator(session: self).batch(point)
    }

    /// `graph`
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`.
    public func graph(_ reference: BatchReference) throws(BatchError) -> DependentsReport {
        try reading { () throws(BatchError) in
            let batch = try BatchLookup(self).batch(reference)
            let undone = try DependencyGraph(ledger).dependents(of: batch).dependents.map(\.batch)
            return DependentsReport(
                batch: batch.batch, dependents: try dependents(of: batch),
                elsewhere: try dependentsElsewhere(of: [batch.seq] + undone))
        }
    }

    // MARK: Parts

    private func parameters(_ batch: BatchRecord) -> JSONValue {
        batch.parameters.flatMap { try? JSONParser.parse($0) } ?? [:]
    }

    private func checkpoints(_ batch: BatchRecord) throws(BatchError) -> [BatchDetail.Checkpoint] {
        var chunks: [String: Int] = [:]
        return try ledger.checkpoints(of: batch.seq).map { checkpoint in
            if checkpoint.position != nil { chunks[checkpoint.step, default: 0] += 1 }
            return BatchDetail.Checkpoint(
                number: checkpoint.number, step: checkpoint.step, chunk: chunks[checkpoint.step],
                rows: checkpoint.rows, committedAt: Timestamp(ledger: checkpoint.committedAt),
                isUndone: !checkpoint.isLive)
        }
    }

    /// Live dependents and readers, ordered by depth, then by commit.
    func dependents(of batch: BatchRecord) throws(BatchError) -> [DependentSummary] {
        let found = try DependencyGraph(ledger).find(of: batch)
        let owned = try owned(found.dependents + found.readers)
        let edges = (found.dependents + found.readers).filter { owned.contains($0.batch) }
            .sorted { $0.batch < $1.batch }
        let names = try ledger.names(of: Set(edges.flatMap { [$0.batch, $0.on] }))
        var order: [Int64] = []
        var byBatch: [Int64: [DependencyEdge]] = [:]
        for edge in edges {
            if byBatch[edge.batch] == nil { order.append(edge.batch) }
            byBatch[edge.batch, default: []].append(edge)
        }
        let summaries = order.compactMap { seq -> DependentSummary? in
            guard let name = names[seq], let own = byBatch[seq] else { return nil }
            let reasons = own.compactMap { edge in
                names[edge.on].map { DependentSummary.Edge(on: $0, kind: edge.kind, evidence: edge.evidence) }
            }
            return DependentSummary(batch: name, depth: own.map(\.depth).min() ?? 1, edges: reasons)
        }
        // Equal depths keep their order: that of the commits.
        return summaries.enumerated().sorted { ($0.element.depth, $0.offset) < ($1.element.depth, $1.offset) }
            .map(\.element)
    }
}

extension BatchDetail.WrittenFile {
    fileprivate init(_ effect: Effect) {
        let detail = effect.detail
        self.init(
            path: detail["path"]?.string ?? "", rows: Int(detail["rows"]?.integer ?? 0),
            bytes: Int(detail["bytes"]?.integer ?? 0), sha256: detail["sha256"]?.string ?? "",
            isUndone: effect.undoneBy != nil)
    }
}

extension BatchDetail.ProgramRun {
    fileprivate init(_ effect: Effect) {
        let detail = effect.detail
        self.init(
            step: effect.step, arguments: detail["arguments"]?.array?.compactMap(\.string) ?? [],
            output: detail["output"]?.string ?? "", errors: detail["errors"]?.string ?? "",
            isUndone: effect.undoneBy != nil)
    }
}

extension BatchSummary {
    init(
        _ batch: BatchRecord, _ status: BatchStatus,
        _ replays: (originals: [Int64: BatchID], replacements: [Int64: BatchID])
    ) {
        self.init(
            batch: batch.batch, tenant: batch.tenant, status: status, rows: batch.rows,
            startedAt: Timestamp(ledger: batch.startedAt), finishedAt: batch.finishedAt.map { Timestamp(ledger: $0) },
            replays: replays.originals[batch.seq], replayedBy: replays.replacements[batch.seq])
        hasSchemaChange = batch.hasSchemaChange
    }
}

extension Timestamp {
    /// A time of the ledger; the epoch when somebody wrote something else there.
    init(ledger text: String) { self = Timestamp(iso8601: text) ?? Timestamp(milliseconds: 0) }
}

public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

extension Session {
    /// `diff`: what a batch changed, or how two restore points differ.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`, `ERR_UX_UNKNOWN_POINT`; `ERR_UX_UNKNOWN_NAME` when there is no such table.
    public func diff(_ request: DiffRequest) throws(BatchError) -> ChangesReport {
        let view = DiffView(session: self, table: request.table, isStatistics: request.isStatistics)
        let report: ChangesReport
        switch request.subject {
        case .batch(let point):
            let reference = try batch(at: point)
            report = try reading { () throws(BatchError) in
                try view.changes(of: try BatchLookup(self).batch(reference))
            }
        case .points(let old, let new): report = try view.changes(from: old, to: new)
        }
        if report.isEmpty, let table = request.table { try checkName(table, request.subject) }
        return report
    }

    /// A misspelt table must not look like one without changes.
    private func checkName(_ table: String, _ subject: DiffRequest.Subject) throws(BatchError) {
        let names = try SchemaReader(connection).tables().map(\.name)
        guard !names.contains(where: { $0.lowercased() == table.lowercased() }) else { return }
        let command: HintCommand =
            switch subject {
            case .batch(let point): "diff --id \(point) --stat"
            case .points(let old, let new): "diff \(old) \(new) --stat"
            }
        throw BatchError(
            .unknownName,
            "there is no table '\(table)'\(Suggestion.clause(for: table, in: names))",
            hint: "see which tables changed: \(command: command)")
    }
}

/// Finds row-level changes.
struct DiffView {
    let session: Session
    let table: String?
    let isStatistics: Bool

    private var ledger: Ledger { session.ledger }

    // MARK: One batch

    func changes(of batch: BatchRecord) throws(BatchError) -> ChangesReport {
        let checkpoints = try ledger.checkpoints(of: batch.seq)
        // The undo log has no rows of a table that was made anew: the points before and after the batch have.
        if batch.hasSchemaChange, let report = try? changes(from: .before(batch.batch), to: .after(batch.batch)) {
            return report
        }
        do throws(BatchError) {
            return try changes(of: checkpoints.map(\.id))
        } catch {
            // Changes outside any batch, or a table altered since, make the log end nowhere.
            guard let report = try? changes(from: .before(batch.batch), to: .after(batch.batch)) else { throw error }
            return report
        }
    }

    private func changes(of checkpoints: [Int64]) throws(BatchError) -> ChangesReport {
        var list = ChangeList(session.connection, table: table, isStatistics: isStatistics, owner: RowOwner(session))
        for run in try runs(of: checkpoints) {
            let changes = try BatchChanges(ledger, checkpoints: run, isChecked: true)
            for table in changes.tables {
                guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
                try changes.forEachChange(of: table) { (row) throws(BatchError) in
                    list.add(row, before: table.before, after: table.before)
                }
            }
        }
        return list.report()
    }

    /// Parts of a batch between which another one ran: it was stopped and resumed.
    private func runs(of checkpoints: [Int64]) throws(BatchError) -> [[Int64]] {
        guard let first = checkpoints.first, let last = checkpoints.last else { return [] }
        let own = Set(checkpoints)
        var runs: [[Int64]] = [[]]
        for checkpoint in try ledger.checkpoints(where: "id BETWEEN ? AND ?", [.integer(first), .integer(last)]) {
            if own.contains(checkpoint.id) {
                runs[runs.count - 1].append(checkpoint.id)
            } else if runs.last?.isEmpty == false {
                runs.append([])
            }
        }
        return runs.filter { !$0.isEmpty }
    }

    // MARK: Two points

    func changes(from old: PointReference, to new: PointReference) throws(BatchError) -> ChangesReport {
        let restoring = Restoring(session)
        let (first, second) = (try restoring.point(old), try restoring.point(new))
        if let checkpoints = try? checkpoints(from: first, to: second),
            let report = try? session.reading({ () throws(BatchError) in try changes(of: checkpoints) })
        {
            return report
        }
        let scratch = try ScratchFolder(in: session.backups)
        let before = try open(restoring, first, scratch.file("old.db"))
        let after = try open(restoring, second, scratch.file("new.db"))
        let difference = DatabaseDifference(old: before, new: after)
        var list = ChangeList(session.connection, table: table, isStatistics: isStatistics, owner: RowOwner(session))
        for table in try difference.tables() {
            guard let layout = table.after ?? table.before, list.wants(layout) else { continue }
            try difference.forEachChange(of: table) { (row) throws(BatchError) in
                list.add(row, before: table.before, after: table.after)
            }
        }
        var report = list.report()
        report.schema = try difference.schema().filter { table == nil || $0.name == table }
        return report
    }

    /// All checkpoints between two points, when the undo log between them tells how they differ: the second is the later
    /// one, and neither the schema nor anybody outside a batch changed anything in between. Nil otherwise.
    private func checkpoints(from first: RestorePoint, to second: RestorePoint) throws(BatchError) -> [Int64]? {
        guard try ledger.exists(), let from = try record(of: first), let to = try record(of: second), from.id <= to.id
        else { return nil }
        let between = try ledger.points(where: "id > ? AND id <= ?", [.integer(from.id), .integer(to.id)])
        if between.contains(where: { $0.kind == .drift && $0.batch == 0 }) { return nil }
        let found = try ledger.checkpoints(
            where: "id > ? AND id <= ?", [.integer(from.lastCheckpoint), .integer(to.lastCheckpoint)])
        let batches = try ledger.batches(
            where: "has_ddl = 1 AND seq IN (SELECT batch FROM main.batchmgr_checkpoints WHERE id > ? AND id <= ?)",
            [.integer(from.lastCheckpoint), .integer(to.lastCheckpoint)])
        return batches.isEmpty ? found.map(\.id) : nil
    }

    /// The ledger's record of a point: the commit tells states apart that are equal.
    private func record(of point: RestorePoint) throws(BatchError) -> PointRecord? {
        guard let commit = point.commit?.description else { return nil }
        let found = try ledger.points(where: "status = 'complete' AND commit_id = ?", [.string(commit)])
        return found.first { $0.digest == point.digest }
    }

    private func open(_ restoring: Restoring, _ point: RestorePoint, _ path: String) throws(BatchError) -> Connection {
        let connection = try Connection(path: try restoring.rebuild(point, to: path).file)
        connection.tolerateUnknownCollations()
        return connection
    }
}

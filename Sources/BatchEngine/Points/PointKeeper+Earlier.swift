internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Points behind which other batches have run already.
extension PointKeeper {
    /// Completes a point of the whole database behind which batches have run already.
    func completeEarlier(_ point: inout PointRecord) throws(BatchError) -> Bool {
        var done = point
        do throws(BatchError) {
            let earlier = try EarlierState(session, after: point.lastCheckpoint)
            let digest = earlier.state.digest
            let message = text.message(
                point, nil, changes: PointSource.counts(of: digest), snapshot: nil, digest: digest.combined,
                heads: signedHeads())
            let content = PointContent(
                branch: session.branch, tag: nil, message: message, state: earlier.state, rows: .all,
                tenantColumn: session.database.tenantColumn)
            done.commit = try git.commit(content, connection: earlier.connection, snapshot: BackgroundTask())
                .description
            done.status = .complete
            done.digest = digest.combined
            try session.connection.transaction { () throws(BatchError) in try ledger.save(&done) }
        } catch {
            guard error.code == .conflict || error.code == .schemaChanged else { throw error }
            try session.connection.transaction { () throws(BatchError) in try ledger.removePoint(point.id) }
            point = PointRecord(batch: 0, kind: point.kind, lastCheckpoint: 0, createdAt: point.createdAt)
            return false
        }
        point = done
        return true
    }

    /// True when batches that ran since, as in a replay, have taken away what the point is made from: the schema, or all
    /// rows of a table that is written whole.
    func isOvertaken(_ point: PointRecord, _ batch: BatchRecord) throws(BatchError) -> Bool {
        let last: SQLValue = .integer(point.lastCheckpoint)
        let later = try ledger.batches(
            where: "seq IN (SELECT batch FROM main.batchmgr_checkpoints WHERE id > ?)", [last])
        if later.isEmpty { return false }
        if batch.hasSchemaChange || later.contains(where: \.hasSchemaChange) { return true }
        let unnamed = try SchemaReader(session.connection).tables().filter { $0.key == .rowid(alias: nil) }.map(\.name)
        if unnamed.isEmpty { return false }
        let touched = try ledger.connection.rows(
            "SELECT DISTINCT table_name FROM main.batchmgr_changes WHERE checkpoint > ?", [last])
        return touched.contains { unnamed.contains($0[0].string ?? "") }
    }

    /// Completes the point of a batch on a copy that is as the batch left it.
    func completeElsewhere(_ point: inout PointRecord, _ batch: BatchRecord) throws(BatchError) -> Bool {
        var done = point
        do throws(BatchError) {
            let earlier = try EarlierState(session, after: point.lastCheckpoint)
            let elsewhere = try earlier.session()
            // What is lost there was changed outside any batch here.
            guard try PointKeeper(session: elsewhere).complete(&done, since: nil) else {
                return try lose(&point, batch)
            }
            try session.connection.transaction { () throws(BatchError) in try ledger.save(&done) }
        } catch {
            guard error.code == .conflict || error.code == .schemaChanged else { throw error }
            return try lose(&point, batch)
        }
        point = done
        return true
    }

    private func lose(_ point: inout PointRecord, _ batch: BatchRecord) throws(BatchError) -> Bool {
        let id = point.id
        try session.connection.transaction { () throws(BatchError) in
            try ledger.removePoint(id)
            try ledger.audit(
                "restore point", batch: batch, outcome: "lost",
                details: ["because": "changed outside any batch before the point was written"],
                context: session.context)
        }
        point = PointRecord(batch: 0, kind: point.kind, lastCheckpoint: 0, createdAt: point.createdAt)
        return false
    }
}

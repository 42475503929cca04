internal import BatchCore
internal import BatchLedger

/// `batch_checkpoint`, `batch_commit` and `batch_abort`.
extension Host {
    /// How the transaction of the last checkpoint ends.
    private enum Ending {
        case commit
        /// The host's COMMIT is still to come.
        case part
        /// The host's COMMIT is on its way.
        case sync
    }

    /// - Returns: the number of the checkpoint in its batch.
    func checkpoint(_ name: String) throws(BatchError) -> Int {
        let batch = try requireBatch()
        guard !name.isEmpty, name.utf8.count <= 1_000 else {
            throw BatchError(
                .usage, "a checkpoint needs a name of 1 to 1,000 bytes",
                hint: "SELECT batch_checkpoint('NAME')")
        }
        return try guarded(batch) { () throws(BatchError) in
            let gateway = batch.gateway
            batch.phase = .ending
            try seal(batch, name)
            if !batch.isJoined { try gateway.release() } else { gateway.goOn() }
            try gateway.begin()
            try batch.lease.renew(at: now)
            try watch()
            batch.phase = .open
            return batch.number
        }
    }

    /// - Returns: the id of the batch.
    func commit() throws(BatchError) -> BatchID {
        let batch = try requireBatch()
        let name = batch.name
        try guarded(batch) { () throws(BatchError) in
            batch.phase = .ending
            try finish(batch, batch.isJoined ? .part : .commit)
        }
        close(because: "batch \(name) is committed already")
        return name
    }

    /// SQLite asks whether a COMMIT of the host may go on: it is the last checkpoint of the batch.
    func commitInSync() throws(BatchError) {
        guard let batch, batch.phase == .open else { return }
        try batch.gateway.finishInSync { () throws(BatchError) in try finish(batch, .sync) }
        batch.phase = .sealed
    }

    private func finish(_ batch: HostBatch, _ ending: Ending) throws(BatchError) {
        let gateway = batch.gateway
        let isChanged = try gateway.hasChanges()
        if isChanged || batch.number == 0 { try seal(batch, "commit") }
        var record = batch.record
        record.status = .committed
        record.finishedAt = now.iso8601
        record.digestAfter = try gateway.ledger.state()?.combined
        try gateway.ledger.update(record)
        try gateway.ledger.audit(
            "run", batch: record, outcome: record.status.rawValue, details: ["rows": record.rows.json, "host": true],
            by: record.actor, trace: record.traceID, at: now)
        try batch.lease.giveBackInTransaction()
        batch.record = record
        switch ending {
        case .commit: try gateway.release()
        case .part:
            try gateway.part()
            try connection.execute("RELEASE \(HostBatch.savepoint)")
        case .sync: break
        }
    }

    /// Writes a checkpoint; its transaction stays open.
    private func seal(_ batch: HostBatch, _ name: String) throws(BatchError) {
        let gateway = batch.gateway
        gateway.hold()
        var record = batch.record
        record.rows += gateway.rows
        let checkpoint = try gateway.commit(batch: record.seq, number: batch.number + 1, step: name, at: now) {
            (_) throws(BatchError) in
            record.hasSchemaChange = record.hasSchemaChange || gateway.changedSchema
            try gateway.ledger.update(record)
        }
        batch.record = record
        batch.number += 1
        batch.point.lastCheckpoint = checkpoint
        try save(&batch.point, gateway.ledger)
    }

    /// When something fails, the open checkpoint is taken back, and the batch ends with those before it.
    private func guarded<Result>(
        _ batch: HostBatch, _ body: () throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        do throws(BatchError) {
            return try body()
        } catch {
            batch.phase = .ending
            takeBack(batch, because: error.description, isLost: error.code == .leaseLost)
            throw error
        }
    }

    // MARK: Abort

    /// - Returns: the id of the batch.
    func abort() throws(BatchError) -> BatchID {
        let batch = try requireBatch()
        batch.phase = .ending
        takeBack(batch, because: "\(ErrorCode.stopped.rawValue): ended by batch_abort()")
        return batch.name
    }

    /// Takes the open checkpoint back, and in a transaction of the host all of the batch.
    /// - Parameter isLost: somebody else has the lease: nothing may be written.
    private func takeBack(_ batch: HostBatch, because reason: String, isLost: Bool = false) {
        let ledger = batch.gateway.ledger
        if batch.isJoined {
            takeBack()
            batch.gateway.abandon()
        } else {
            batch.gateway.rollback()
            if batch.number > 0, !isLost { markFailed(batch, reason, ledger) }
        }
        close(because: "batch \(batch.name) was taken back (\(reason))")
    }

    /// Its earlier checkpoints stay. When this cannot be noted, the tool notes it later: the batch is not running.
    private func markFailed(_ batch: HostBatch, _ reason: String, _ ledger: Ledger) {
        var record = batch.record
        record.status = .failed
        record.finishedAt = now.iso8601
        record.error = reason
        try? connection.transaction { () throws(BatchError) in
            try batch.lease.renew(at: now)
            record.digestAfter = try ledger.state()?.combined
            try ledger.update(record)
            try batch.lease.giveBackInTransaction()
            try ledger.audit(
                "run", batch: record, outcome: record.status.rawValue,
                details: ["rows": record.rows.json, "error": .string(reason), "host": true], by: record.actor,
                trace: record.traceID, at: now)
        }
    }
}

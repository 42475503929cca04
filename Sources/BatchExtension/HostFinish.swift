internal import BatchCore
internal import BatchLedger

/// `batch_checkpoint`, `batch_commit` and `batch_abort`.
extension Host {
    /// - Returns: the number of the checkpoint in its batch.
    func checkpoint(_ name: String) throws(BatchError) -> Int {
        let batch = try requireBatch()
        guard !name.isEmpty, name.utf8.count <= 1_000 else {
            throw BatchError(
                .usage, "a checkpoint needs a name of 1 to 1,000 bytes",
                hint: "SELECT batch_checkpoint('NAME')")
        }
        try reopen(batch)
        let gateway = batch.gateway
        return try guarded(batch) { () throws(BatchError) in
            batch.phase = .ending
            // One that COMMIT could not end is written already.
            let isWritten = batch.isWaiting ? try !gateway.hasChanges() : false
            if !isWritten { try seal(batch, name) }
            if batch.isJoined {
                gateway.goOn()
            } else {
                try release(batch)
            }
            try goOn(batch)
            return batch.number
        }
    }

    /// - Returns: the id of the batch.
    func commit() throws(BatchError) -> BatchID {
        let batch = try requireBatch()
        let name = batch.name
        try reopen(batch)
        try guarded(batch) { () throws(BatchError) in
            batch.phase = .ending
            if batch.isJoined {
                try finish(batch)
                try batch.gateway.part()
                try connection.run("RELEASE \(HostBatch.savepoint)")
            } else {
                try finish(batch, isOwn: true)
                try release(batch)
            }
        }
        close(because: "batch \(name) is committed already")
        return name
    }

    /// COMMIT of ours. When somebody reads in the way, everything stays as it was, and the batch is open still.
    private func release(_ batch: HostBatch) throws(BatchError) {
        do throws(BatchError) {
            try batch.gateway.release()
            batch.isWaiting = false
            batch.noteCommit()
        } catch {
            guard error.code == .busy, !connection.isAutocommit else { throw error }
            // Gone when there is no such savepoint: a checkpoint has none.
            let back = "ROLLBACK TO \(HostBatch.ending); RELEASE \(HostBatch.ending)"
            if (try? connection.execute(back)) != nil { batch.record = batch.sealed }
            batch.isWaiting = true
            batch.gateway.hold()
            try goOn(batch)
            throw BatchError(
                .busy,
                "another connection reads the database, so nothing is committed yet; batch \(batch.name) is still open",
                hint: "try again in a moment: the same call, or a longer busy timeout")
        }
    }

    /// The next checkpoint begins.
    private func goOn(_ batch: HostBatch) throws(BatchError) {
        try batch.gateway.begin()
        try batch.lease.renew(at: now)
        try watch()
        batch.phase = .open
    }

    /// A batch whose transaction the host has committed, or tried to commit, goes on.
    private func reopen(_ batch: HostBatch) throws(BatchError) {
        switch batch.phase {
        case .between:
            do throws(BatchError) {
                batch.phase = .ending
                // The host has a transaction of its own open, in which nothing was written so far.
                batch.isJoined = !connection.isAutocommit
                if batch.isJoined {
                    try connection.run("SAVEPOINT \(HostBatch.savepoint)")
                    batch.gateway.hold()
                }
                try batch.gateway.resume(isInside: false)
                try goOn(batch)
            } catch {
                // Nothing of it was begun.
                if error.code == .busy, connection.isAutocommit {
                    goBetween(batch)
                } else {
                    takeBack(batch, because: error.description, isLost: error.code == .leaseLost)
                }
                throw error
            }
        case .sealed: batch.phase = .open
        case .open, .ending: break
        }
    }

    // MARK: COMMIT of the host

    /// SQLite asks whether a COMMIT of the host may go on.
    /// - Returns: why it may not, when the transaction is to stay open.
    /// - Throws: when the transaction must be rolled back.
    func commitInSync() throws(BatchError) -> BatchError? {
        guard let batch else { return nil }
        switch batch.phase {
        case .ending, .between: return nil
        case .open where batch.onCommit == .refuse:
            return BatchError(
                .wrongState, "batch \(batch.name) is open, and COMMIT would leave what follows unrecorded",
                hint: "SELECT batch_commit() first; or begin it with {\"on_commit\": \"end\"} or \"checkpoint\"")
        case .open, .sealed:
            // A COMMIT before this one has failed, and nothing has changed since.
            if batch.phase == .sealed, try !batch.gateway.hasChanges() { return nil }
            if let name = batch.gateway.writtenModule {
                return BatchError(
                    .wrongState,
                    "virtual table \(name) may write its last rows with COMMIT, where nothing can record them",
                    hint: "SELECT batch_commit() or batch_checkpoint() first")
            }
            batch.phase = .ending
            isAtWork = true
            defer { isAtWork = false }
            do throws(BatchError) {
                try batch.gateway.finishInSync { () throws(BatchError) in
                    if batch.onCommit == .checkpoint {
                        if try isDue(batch) { try seal(batch, "commit") }
                    } else {
                        try finish(batch)
                    }
                }
            } catch {
                // SQLite rolls the transaction back, and tells us of it.
                batch.phase = .open
                throw error
            }
            batch.phase = .sealed
            return nil
        }
    }

    /// COMMIT of the host is done.
    func goBetween(_ batch: HostBatch) {
        batch.phase = .between
        batch.isJoined = false
        batch.forgetSavepoints()
        batch.gateway.wait { [weak self, weak batch] () throws(BatchError) in
            guard let self, let batch, batch.phase == .between else { return }
            batch.phase = .ending
            isJoining = true
            defer { isJoining = false }
            try batch.gateway.resume(isInside: true)
            try connection.execute(TransactionTable.watching)
            batch.begin(at: savepoints)
            batch.phase = .open
        }
    }

    /// Writes the last checkpoint and the end of the batch.
    /// - Parameter isOwn: the COMMIT is ours, and may fail: then only the end is taken back.
    private func finish(_ batch: HostBatch, isOwn: Bool = false) throws(BatchError) {
        let gateway = batch.gateway
        if try isDue(batch) { try seal(batch, "commit") }
        batch.sealed = batch.record
        if isOwn { try connection.run("SAVEPOINT \(HostBatch.ending)") }
        var record = batch.record
        record.status = .committed
        record.finishedAt = now.iso8601
        record.digestAfter = try gateway.ledger.state()?.combined
        try gateway.ledger.update(record)
        if !batch.isAudited {
            try gateway.ledger.audit(
                "run", batch: record, outcome: record.status.rawValue,
                details: ["rows": record.rows.json, "host": true], by: record.actor, trace: record.traceID, at: now)
        }
        try batch.lease.giveBackInTransaction()
        batch.record = record
        batch.isAudited = gateway.isCommitting
    }

    /// A batch has a checkpoint at its end when it has none yet, or has changed something since the last.
    private func isDue(_ batch: HostBatch) throws(BatchError) -> Bool {
        batch.number == 0 ? true : try batch.gateway.hasChanges()
    }

    /// Writes a checkpoint; its transaction stays open.
    private func seal(_ batch: HostBatch, _ name: String) throws(BatchError) {
        let gateway = batch.gateway
        gateway.hold()
        var record = batch.record
        let checkpoint = try gateway.commit(batch: record.seq, number: batch.number + 1, step: name, at: now) {
            (_) throws(BatchError) in
            record.rows += gateway.rows
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
            // Nothing is lost: see `release`.
            if error.code == .busy, batch.phase == .open { throw error }
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
        close(because: "batch \(batch.name) was rolled back (\(reason))")
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

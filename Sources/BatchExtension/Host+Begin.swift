internal import BatchCore
internal import BatchLedger
internal import CSQLite
internal import SQLiteForward

/// `batch_begin`.
extension Host {
    /// Names that the tool uses for its own batches.
    private static let reserved: Set<String> = ["rollback", "restore", "drift", "baseline"]

    /// - Returns: the id of the batch.
    func begin(_ job: String, tenant: String?, _ options: BatchOptions) throws(BatchError) -> BatchID {
        if let batch {
            throw BatchError(
                .wrongState, "batch \(batch.name) is open on this connection",
                hint: "end it first: SELECT batch_commit() or SELECT batch_abort()")
        }
        guard JobID.isValid(job), !Host.reserved.contains(job.lowercased()) else {
            throw BatchError(
                .usage, "'\(job)' cannot be the name of a batch",
                hint: "give \(JobID.rule), and not rollback, restore, drift or baseline")
        }
        ended = nil
        try requireWritable()
        let isJoined = !connection.isAutocommit
        let ledger = try openLedger(isJoined: isJoined)
        try requireSwitches(job, tenant: tenant, ledger)
        let policy = try policy(ledger, tenant: tenant, options)
        if let key = options.key, let earlier = try ledger.holder(of: key, tenant: nil) {
            throw BatchError(
                .wrongState, "key '\(key)' was used by batch \(earlier.batch) already, which is \(earlier.status)",
                hint: "there is nothing to do again; or give another key")
        }
        if isJoined { try connection.execute("SAVEPOINT \(HostBatch.savepoint)") }
        do throws(BatchError) {
            let batch = try open(job, tenant, options, policy, isJoined: isJoined)
            self.batch = batch
            return batch.name
        } catch {
            isJoining = false
            if isJoined { takeBack() } else { connection.rollbackIfOpen() }
            close()
            throw error
        }
    }

    func requireWritable() throws(BatchError) {
        guard sqlite3_db_readonly(database, "main") != 1 else {
            throw BatchError(
                .readOnly, "the database is open for reading alone", hint: "open it for reading and writing")
        }
    }

    /// Makes the ledger where there is none: from then on the state of the database is known.
    private func openLedger(isJoined: Bool) throws(BatchError) -> Ledger {
        let ledger = try Ledger(connection)
        if try ledger.isComplete() { return ledger }
        let id = randomID()
        let time = now
        let create = { [self] () throws(BatchError) in
            try ledger.create(databaseID: id)
            guard try ledger.state() == nil else { return }
            try ledger.setState(try StateDigest.compute(connection))
            // The state before the first batch: the tool makes a point of it, as it does of its own first one.
            var point = PointRecord(batch: 0, kind: .baseline, lastCheckpoint: 0, createdAt: time.iso8601)
            try save(&point, ledger)
        }
        if isJoined { try create() } else { try connection.transaction(create) }
        return ledger
    }

    private func open(
        _ job: String, _ tenant: String?, _ options: BatchOptions, _ policy: WritePolicy, isJoined: Bool
    ) throws(BatchError) -> HostBatch {
        widenPageCache()
        let gateway = try gateway(isTriggered: options.isTriggered)
        gateway.policy = policy
        gateway.watchStatements()
        if isJoined { gateway.hold() }
        do throws(BatchError) {
            return try open(gateway, job, tenant, options, isJoined: isJoined)
        } catch {
            gateway.restoreTriggerSetting()
            throw error
        }
    }

    private func open(
        _ gateway: Gateway, _ job: String, _ tenant: String?, _ options: BatchOptions, isJoined: Bool
    ) throws(BatchError) -> HostBatch {
        try gateway.begin()
        let ledger = gateway.ledger
        let time = now
        var record = BatchRecord(
            batch: BatchID(job: job, number: try ledger.nextNumber(of: job)), kind: .batch, actor: options.actor,
            traceID: options.trace ?? randomID(), startedAt: time.iso8601)
        record.tenant = tenant
        record.idempotencyKey = options.key
        record.jobVersion = options.version
        record.parameters = options.parameters
        record.digestBefore = try ledger.state()?.combined
        try ledger.insert(&record)
        var point = PointRecord(batch: record.seq, kind: .batch, lastCheckpoint: 0, createdAt: time.iso8601)
        point.bakKind = .delta
        try save(&point, ledger)
        try watch()
        return HostBatch(gateway, record, point, isJoined: isJoined, base: savepoints.count)
    }

    /// True where there is no hook.
    var isTriggered: Bool { sqlite_forward_has_preupdate() == 0 }

    /// - Parameter isTriggered: record with TEMP triggers, whether there is a hook or not.
    func gateway(isTriggered: Bool = false) throws(BatchError) -> Gateway {
        let gateway = try Gateway(
            connection, spillFolder: temporaryFolder, isHosted: true,
            isTriggered: isTriggered || self.isTriggered)
        recording = gateway
        return gateway
    }

    /// A database in memory has no place for restore points.
    func save(_ point: inout PointRecord, _ ledger: Ledger) throws(BatchError) {
        if !connection.path.isEmpty { try ledger.save(&point) }
    }

    /// From here on SQLite tells us what becomes of the transaction.
    func watch() throws(BatchError) {
        isJoining = true
        defer { isJoining = false }
        try connection.run("INSERT INTO \(TransactionWatch.name) VALUES(1)")
    }

    /// Takes back what was done since the batch began in a transaction of the host.
    func takeBack() {
        let back = "ROLLBACK TO \(HostBatch.savepoint); RELEASE \(HostBatch.savepoint)"
        // The host has released it: nothing else takes the batch back then.
        if (try? connection.execute(back)) == nil { connection.rollbackIfOpen() }
    }
}

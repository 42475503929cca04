internal import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import CSQLite
internal import SQLiteForward

/// `batch_begin`.
extension Host {
    /// - Returns: the id of the batch.
    func begin(_ job: String, tenant: String?, _ options: BatchOptions) throws(BatchError) -> BatchID {
        if let batch {
            throw BatchError(
                .wrongState, "batch \(batch.name) is open on this connection",
                hint: "end it first: SELECT batch_commit() or SELECT batch_abort()")
        }
        guard JobID.isValid(job), !JobID.isReserved(job) else {
            throw BatchError(
                .usage, "'\(job)' cannot be the name of a batch",
                hint: "give \(JobID.rule), and not \(JobID.reserved.sorted().joined(separator: ", "))")
        }
        ended = nil
        try requireWritable()
        let isJoined = !connection.isAutocommit
        LedgerProtection.attach(to: self)
        let ledger = try openLedger(isJoined: isJoined)
        try requireSwitches(job, tenant: tenant, ledger)
        let policy = try policy(ledger, tenant: tenant, options)
        if let key = options.key, let earlier = try ledger.holder(of: key, job: job, tenant: tenant) {
            throw BatchError(
                .wrongState, "key '\(key)' was used by batch \(earlier.batch) already, which is \(earlier.status)",
                hint: "there is nothing to do; or give another key")
        }
        if isJoined { try connection.run("SAVEPOINT \(HostBatch.savepoint)") }
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
                .readOnly, "the database is open for reading only", hint: "open it for reading and writing")
        }
    }

    /// Makes the ledger where there is none: from then on the state of the database is known.
    private func openLedger(isJoined: Bool) throws(BatchError) -> Ledger {
        let ledger = try Ledger(connection)
        let version = try SchemaReader(connection).version()
        if version == ledgerVersion { return ledger }
        if try ledger.isComplete(), try ledger.state() != nil {
            if !isJoined { ledgerVersion = version }
            return ledger
        }
        let id = randomID()
        let time = now
        let create = { [self] () throws(BatchError) in
            try ledger.create(databaseID: id)
            guard try ledger.state() == nil else { return }
            try ledger.setState(try StateDigest.compute(connection))
            // The state before the first batch: the tool makes a point of it, as it does of its own first one.
            var point = PointRecord(batch: 0, kind: .baseline, lastCheckpoint: 0, createdAt: time.iso8601)
            try save(&point, ledger)
            try ledger.noteWholePoint(after: 0)
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
        // It is written with the first checkpoint; until then the open transaction keeps others out.
        let lease = try Lease.join(connection, for: LeaseWork(LeaseWork.host, job: job), at: time, token: randomID())
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
        try lease.note(record.batch)
        try watch()
        return HostBatch(
            gateway, lease, record, point, isJoined: isJoined, base: savepoints.count,
            onCommit: options.onCommit)
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
        try connection.execute(TransactionTable.watching)
    }

    /// Takes back what was done since the batch began in a transaction of the host.
    func takeBack() {
        let back = "ROLLBACK TO \(HostBatch.savepoint); RELEASE \(HostBatch.savepoint)"
        // The host has released it: nothing else takes the batch back then.
        if (try? connection.execute(back)) == nil { connection.rollbackIfOpen() }
    }
}

/// What a batch of a host may write: as the database says, and what the host adds to that.
extension Host {
    /// - Throws: `ERR_SECURITY_SAFE_MODE`, `ERR_SECURITY_JOB_DISABLED` when a switch stands in the way.
    func requireSwitches(_ job: String, tenant: String?, _ ledger: Ledger) throws(BatchError) {
        let work = SwitchedWork(.run, origin: .person, job: job, tenant: tenant)
        let board = SwitchBoard(try ledger.switches().map(\.state))
        if let state = board.decision(on: work, at: now).cause { throw state.refusal(of: "batch \(job)") }
    }

    func policy(_ ledger: Ledger, tenant: String?, _ options: BatchOptions) throws(BatchError) -> WritePolicy {
        var policy = try ledger.policy() ?? DatabasePolicy()
        if policy.tenantColumn == nil { policy.tenantColumn = options.tenantColumn }
        policy.protected += options.protected
        policy.limits = policy.limits.tightened(by: options.limits)
        return policy.batch(tenant: tenant, sharedTables: options.sharedTables)
    }

    /// `batch_switch`.
    func switchValue(_ name: String) throws(BatchError) -> String {
        defer { dropStatementsUnlessOpen() }
        return try Ledger(connection).switchValue(name)
    }
}

extension WriteLimits {
    /// What both of them allow.
    func tightened(by other: WriteLimits) -> WriteLimits {
        func least<Value: Comparable>(_ values: Value?...) -> Value? { values.compactMap(\.self).min() }
        var tables = self.tables ?? other.tables
        if let own = self.tables, let more = other.tables {
            let admitted = Set(more.map { SQLName.folded($0) })
            tables = own.filter { admitted.contains(SQLName.folded($0)) }
        }
        return WriteLimits(
            rows: least(rows, other.rows), tables: tables, milliseconds: least(milliseconds, other.milliseconds),
            deletedShare: least(deletedShare, other.deletedShare))
    }
}

/// The third argument of `batch_begin`: a JSON object.
struct BatchOptions {
    var actor = SystemActor.name
    var trace: String?
    var key: String?
    var version: String?
    var parameters: String?
    /// Record with TEMP triggers where there is a hook too.
    var isTriggered = false
    /// What a COMMIT of the host does while the batch is open.
    var onCommit = OnCommit.refuse

    enum OnCommit: String, CaseIterable {
        /// It fails, and the transaction stays open.
        case refuse
        /// It ends the batch.
        case end
        /// It is a checkpoint, and the batch goes on with the next row that changes.
        case checkpoint
    }
    /// Beside those of the database.
    var protected: [String] = []
    /// For databases that no workspace has told theirs.
    var tenantColumn: String?
    var sharedTables: Set<String> = []
    var limits = WriteLimits()

    private static let keys = [
        "actor", "trace_id", "key", "version", "parameters", "protected", "shared_tables", "tenant_column", "limits",
        "capture", "on_commit",
    ]

    init() {}

    /// - Throws: `ERR_UX_USAGE` for text that is no such object, and for a key that nobody knows.
    init(_ text: String) throws(BatchError) {
        let document: JSONValue
        do { document = try JSONParser.parse(text) } catch {
            throw BatchOptions.wrong("the options are not JSON")
        }
        guard let members = document.members else { throw BatchOptions.wrong("the options are not a JSON object") }
        for member in members {
            switch member.key {
            case "actor": actor = try BatchOptions.text(member)
            case "trace_id": trace = try BatchOptions.text(member)
            case "key": key = try BatchOptions.text(member)
            case "version": version = try BatchOptions.text(member)
            case "parameters":
                guard member.value.members != nil else {
                    throw BatchOptions.wrong("option parameters is not an object")
                }
                parameters = JSONWriter.text(member.value)
            case "capture":
                let capture = try BatchOptions.text(member)
                guard ["hook", "triggers"].contains(capture) else {
                    throw BatchOptions.wrong("option capture is hook or triggers")
                }
                isTriggered = capture == "triggers"
            case "on_commit":
                guard let choice = OnCommit(rawValue: try BatchOptions.text(member)) else {
                    throw BatchOptions.wrong("option on_commit is refuse, end or checkpoint")
                }
                onCommit = choice
            case "tenant_column": tenantColumn = try BatchOptions.text(member)
            case "protected": protected = try BatchOptions.names(member)
            case "shared_tables": sharedTables = Set(try BatchOptions.names(member))
            case "limits":
                guard let read = WriteLimits(json: member.value), BatchOptions.hasLimits(member.value) else {
                    throw BatchOptions.wrong("option limits cannot be read: rows, tables, deleted_share")
                }
                limits = read
            default:
                let meant = Suggestion.clause(for: member.key, in: BatchOptions.keys)
                throw BatchOptions.wrong("there is no option '\(member.key)'\(meant)")
            }
        }
    }

    private static func text(_ member: JSONValue.Member) throws(BatchError) -> String {
        guard let text = member.value.string, !text.isEmpty, text.utf8.count <= 1_000, !text.contains("\0") else {
            throw wrong("option \(member.key) is not text of 1 to 1,000 bytes")
        }
        return text
    }

    private static func names(_ member: JSONValue.Member) throws(BatchError) -> [String] {
        guard let list = member.value.array else { throw wrong("option \(member.key) is not a list of names") }
        let names = list.compactMap(\.string)
        guard names.count == list.count else { throw wrong("option \(member.key) is not a list of names") }
        return names
    }

    private static func hasLimits(_ value: JSONValue) -> Bool {
        value.members?.allSatisfy { ["rows", "tables", "deleted_share"].contains($0.key) } ?? false
    }

    private static func wrong(_ what: String) -> BatchError {
        BatchError(.usage, what, hint: "options are a JSON object: \(keys.joined(separator: ", "))")
    }
}

public import BatchCore
internal import CSQLite

/// The only way to write: opens a transaction, records every change, and commits undo data with the change.
public final class Gateway {
    public let connection: Connection
    public let ledger: Ledger
    let recorder: Recorder
    /// Nil on the connection of a host, which keeps its own.
    let authorizer: Authorizer?
    let schema: SchemaReader
    var system = SystemTables()
    let systemLog: UndoLogWriter
    var definitions: Set<Relation> = []
    var usedDefinitions: Set<Relation> = []
    var readFacts = ReadFacts()
    /// Nil on the connection of a host: its clock and its random numbers are its own.
    private let pins: StatementPins?
    /// On the connection of a host, who changes the schema without asking.
    var hostSchema = HostSchema()
    var isHosted: Bool { authorizer == nil }
    /// The undo log is gone back through: what changes the schema then is ours.
    var isUndoing = false
    /// The schema cookie at the beginning of the checkpoint.
    var schemaVersion: Int64 = 0
    var hasSchemaChange = false
    /// What statements did to definitions, for the policy.
    var definitionChanges = RecordedCheckpoint()
    private var interruption: Interruption?
    /// What the batch may write. It holds from the next `begin` on.
    public var policy = WritePolicy()
    var guardMode = GuardMode.off
    /// SQLite is about to commit the transaction: see `finishInSync`.
    var isInSync = false
    /// The triggers of the guard are away while the schema changes.
    var isGuardLifted = false

    /// - Parameters:
    ///   - spillFolder: where the undo log of a large transaction waits for its end.
    ///   - isHosted: the connection belongs to a host, whose statements are recorded as they come: they cannot be
    ///     refused before they run, and settings of the connection stay as they are.
    ///   - isTriggered: its SQLite has no hook for changed rows, so TEMP triggers record them.
    public init(_ connection: Connection, spillFolder: String, isHosted: Bool = false, isTriggered: Bool = false)
        throws(BatchError)
    {
        self.connection = connection
        ledger = try Ledger(connection)
        recorder = Recorder(connection, spillFolder: spillFolder)
        authorizer = isHosted ? nil : Authorizer(connection)
        schema = SchemaReader(connection)
        systemLog = UndoLogWriter(spillFolder: spillFolder)
        pins = isHosted ? nil : StatementPins(connection)
        recorder.attach(isHosted: isHosted, isTriggered: isTriggered)
        authorizer?.attach()
        pins?.attach()
    }

    deinit {
        recorder.detach()
        authorizer?.detach()
        pins?.detach()
    }

    // MARK: Transactions

    /// Begins a checkpoint.
    /// - Parameter pin: the time and random numbers that its statements see; nil for those of the moment.
    public func begin(seeing pin: Pin? = nil) throws(BatchError) {
        recorder.reset()
        definitions = []
        usedDefinitions = []
        readFacts.begin()
        hasSchemaChange = false
        systemLog.discard()
        system = SystemTables()
        definitionChanges = RecordedCheckpoint()
        recorder.rules = PolicyRules(policy, isUTF16: connection.isUTF16)
        // With SQLite's default, pages of indexes are written again and again: twice the time for a table with two.
        if !isHosted { try connection.limitPageCache(to: 65_536) }
        if !isHolding { try connection.execute("BEGIN IMMEDIATE") }
        pins?.begin(pin)
        schemaVersion = try connection.value("PRAGMA main.schema_version")?.integer ?? 0
        try system.note(SystemTables.sequence, connection)
        isGuardLifted = false
        guardMode = try WriteGuard(ledger).mode()
        if guardMode != .off { try WriteGuard(ledger).open() }
        if isHosted { try beginHostSchema() }
        if recorder.isTriggered { try recorder.installTriggers(schemaVersion: schemaVersion) }
    }

    /// True while checkpoints share one transaction.
    public internal(set) var isHolding = false

    /// Keeps the open transaction open behind the next `commit`: the checkpoints from here on become permanent
    /// together, with `release`, or not at all.
    public func hold() { isHolding = true }

    /// Makes everything since `hold` permanent.
    public func release() throws(BatchError) {
        try end()
        isHolding = false
        recorder.reset()
    }

    /// No other connection ever sees the guard open.
    private func end() throws(BatchError) {
        if guardMode != .off { try WriteGuard(ledger).close() }
        try connection.execute("COMMIT")
    }

    /// Rows changed since `begin`.
    public var rows: RowCounts { recorder.counts }

    /// Writes the undo log, the facts and the digests of the checkpoint, lets `finish` add to the ledger, and commits.
    /// - Returns: the id of the checkpoint.
    /// - Throws: `ERR_SECURITY_TENANT`, `ERR_SECURITY_PROTECTED`, `ERR_SECURITY_LIMIT` when what was recorded violates the
    ///   policy. The caller then calls `rollback`.
    @discardableResult
    public func commit(
        batch: Int64, number: Int, step: String, position: String? = nil, at time: Timestamp,
        finish: (_ checkpoint: Int64) throws(BatchError) -> Void = { _ in }
    ) throws(BatchError) -> Int64 {
        let checkpoint = try seal(batch: batch, number: number, step: step, position: position, at: time)
        try finish(checkpoint)
        if !isHolding { try end() } else if !isHosted { try requireReferences() }
        pins?.end()
        recorder.reset()
        return checkpoint
    }

    /// What COMMIT would say of deferred foreign keys, when it is still to come.
    private func requireReferences() throws(BatchError) {
        guard connection.hasDeferredViolations else { return }
        throw BatchError(
            .constraint, "a row refers to nothing at the end of a checkpoint",
            hint: "see the foreign keys: PRAGMA foreign_key_check")
    }

    /// Holds the checkpoint against the policy and writes everything that belongs to it, but leaves the transaction open: a dry run looks at it and
    /// throws it away with `rollback`.
    public func seal(
        batch: Int64, number: Int, step: String, position: String? = nil, at time: Timestamp
    ) throws(BatchError) -> Int64 {
        if !isInSync { try flushVirtualTables() }
        try settle()
        try recorder.requireOwnTriggersAlone()
        try recorder.requireReplacedSeen()
        if isHosted { try sealHostSchema() } else { try restoreGuard() }
        try flush()
        let systemChanges = try system.changes(connection)
        try requirePolicy(batch: batch, systemChanges)
        try recorder.requireWhole(ledger)
        let checkpoint = try ledger.insertCheckpoint(
            batch: batch, number: number, step: step, position: position, at: time.iso8601, rows: recorder.counts)
        try ledger.noteSchemaVersions(checkpoint, before: schemaVersion)
        try record(systemChanges)
        try ledger.write(recorder, system: systemLog, checkpoint: checkpoint)
        try ledger.writeTreeFacts(recorder.tracks, checkpoint: checkpoint)
        var everything = KeyRuns()
        everything.insert(0)
        for relation in definitions { try ledger.write(relation, .changed, everything, checkpoint) }
        for relation in usedDefinitions { try ledger.write(relation, .referenced, everything, checkpoint) }
        if let pin = pins?.used { try ledger.note(pin, of: checkpoint) }
        let start = ContinuousClock.now
        for columns in recorder.watch?.reads ?? [] { readFacts.note(columns) }
        try readFacts.write(ledger, recorder, schema, batch: batch, checkpoint: checkpoint)
        ledger.factsTime += ContinuousClock.now - start
        try updateState()
        return checkpoint
    }

    /// Ends running statements, with `ERR_PERF_STOPPED`, as soon as `condition` says so; nil for never.
    public func interrupt(when condition: (() -> Bool)?) {
        interruption = condition.map(Interruption.init)
        guard let interruption else {
            sqlite3_progress_handler(connection.handle, 0, nil, nil)
            return
        }
        sqlite3_progress_handler(
            connection.handle, 20_000,
            { context in
                guard let context else { return 0 }
                return Unmanaged<Interruption>.fromOpaque(context).takeUnretainedValue().condition() ? 1 : 0
            }, Unmanaged.passUnretained(interruption).toOpaque())
    }

    private final class Interruption {
        let condition: () -> Bool
        init(_ condition: @escaping () -> Bool) { self.condition = condition }
    }

    /// Rows that refer to nothing because of what was written since `begin`.
    public func newForeignKeyViolations() throws(BatchError) -> [ForeignKeyViolation] {
        try settle()
        return try ForeignKeyCheck(self).newViolations()
    }

    /// Takes what was written since `begin` for given: it is in no undo log and no digest, as if it had been so before.
    public func forgetChanges() throws(BatchError) {
        try flushVirtualTables()
        try settle()
        recorder.reset()
        systemLog.discard()
        system = SystemTables()
        try system.note(SystemTables.sequence, connection)
    }

    /// Throws away everything since `begin`.
    public func rollback() {
        connection.rollbackIfOpen()
        pins?.end()
        readFacts.forget()
        isHolding = false
        recorder.reset()
        recorder.triggers?.schemaVersion = nil
    }

    /// Full-text indexes gather changes and write them at the end of the transaction, or before a savepoint.
    func flushVirtualTables() throws(BatchError) {
        try connection.execute("SAVEPOINT batchmgr_flush; RELEASE batchmgr_flush")
    }

    /// Everything the hook has seen is recorded after this.
    func settle() throws(BatchError) {
        if let failure = recorder.failure { throw failure }
        try recorder.settlePending()
    }

    /// Everything that is recorded is in the log after this.
    func flush() throws(BatchError) {
        try settle()
        try recorder.flush()
    }

    // MARK: Statements of a batch

    /// Prepares the first statement of `sql` under the rules for batches.
    public func prepare(_ sql: String) throws(BatchError) -> GatewayStatement {
        guard let authorizer else {
            return GatewayStatement(statement: try connection.prepare(sql), findings: StatementFindings())
        }
        return GatewayStatement(statement: try authorizer.prepare(sql), findings: authorizer.findings)
    }

    /// Runs every statement of a script; rows that they return are thrown away.
    /// - Parameters:
    ///   - parameters: values by name, without the `:`, `@` or `$`.
    ///   - each: called behind each statement.
    public func run(
        script sql: String, _ parameters: [String: SQLValue] = [:], each: () -> Void = {}
    ) throws(BatchError) {
        var rest = sql
        while !SQLText.isBlank(rest) {
            let statement = try prepare(rest)
            rest = statement.statement.tail
            try run(statement, parameters)
            each()
        }
    }

    /// Runs one prepared statement to its end.
    public func run(
        _ prepared: GatewayStatement, _ parameters: [String: SQLValue] = [:],
        onRow: (Statement) throws(BatchError) -> Void = { _ in }
    ) throws(BatchError) {
        let statement = prepared.statement
        defer { statement.reset() }
        try statement.bind(named: parameters)
        note(prepared)
        recorder.expect(.named(prepared.findings.updatedColumns))
        defer { recorder.expect(.all) }
        do throws(BatchError) {
            if prepared.findings.changesSchema || prepared.findings.touchesStatistics {
                try runSchemaChange(prepared)
            } else {
                while try statement.step() { try onRow(statement) }
            }
            try settle()
        } catch {
            recorder.fail(error)
            throw error
        }
    }

    /// Notes what a statement reads with the checkpoint. `run` does it; this is for a statement that is stepped by others.
    public func note(_ prepared: GatewayStatement) { readFacts.note(prepared.findings) }

    /// Marks that the definition of something depends on this checkpoint.
    func noteDefinition(_ relation: Relation) { definitions.insert(relation) }

    /// True when a statement since `begin` changed the schema.
    public var changedSchema: Bool { hasSchemaChange }

    /// Notes the rows of the statistics, before something changes them.
    func noteStatistics() throws(BatchError) {
        for table in SystemTables.statistics { try system.note(table, connection) }
    }

    /// Rows of SQLite's own tables as they were when they were noted.
    var systemRows: [String: [Int64: [SQLValue]]] { system.before }
}

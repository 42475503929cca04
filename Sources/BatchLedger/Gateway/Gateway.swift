public import BatchCore

/// The only way to write: opens a transaction, records every change, and commits undo data with the change.
public final class Gateway {
    public let connection: Connection
    public let ledger: Ledger
    let sink: ChangeSink
    let tap: any ChangeTap
    let schema: SchemaReader
    /// Nil on the connection of a host, which keeps its own.
    let authorizer: Authorizer?
    /// Nil on the connection of a host: its clock and its random numbers are its own.
    private let inputs: StatementInputs?
    let systemLog: UndoLogWriter
    /// The transaction is the host's, and everything happens after a savepoint.
    private var joined: Joined?

    private enum Joined: Equatable {
        case open(savepoint: String)
        /// Nothing of it is taken back any more.
        case left
    }

    /// Of the schema for which the triggers of the guard were looked at.
    private var guardVersion: Int64?
    /// The number of the last change that is in the record.
    private var sealedChange = 0
    /// What the batch may write. It holds from the next `begin` on.
    public var policy = WritePolicy()
    /// Whose keys are gathered, for `found(by:)`. It holds from the next `begin` on.
    public var watches: [KeyWatch] = []
    var guardMode = GuardMode.off
    /// SQLite is about to commit the transaction: see `finishInSync`.
    var isInSync = false
    /// The undo log is gone back through: what changes the schema then is ours.
    var isUndoing = false
    var readFacts = ReadFacts()
    var state = State()
    /// On the connection of a host, who changes the schema without asking.
    var hostSchema = HostSchema()
    var isHosted: Bool { authorizer == nil }

    /// What is known of the open checkpoint beside its rows.
    struct State {
        var system = SystemTables()
        /// The schema cookie at the beginning.
        var schemaVersion: Int64 = 0
        var hasSchemaChange = false
        /// What was done to definitions, and which ones it needs.
        var definitions: Set<DefinitionFact> = []
        /// What statements did to definitions, for the policy.
        var definitionChanges = RecordedWrites.Checkpoint()
        /// Rows and counters go back to what they were.
        var isUndo = false
        /// The triggers of the guard are away while the schema changes.
        var isGuardLifted = false
    }

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
        sink = ChangeSink(connection, spillFolder: spillFolder)
        authorizer = isHosted ? nil : Authorizer(connection)
        schema = SchemaReader(connection)
        systemLog = UndoLogWriter(spillFolder: spillFolder)
        inputs = isHosted ? nil : StatementInputs(connection)
        tap = isTriggered ? TriggerTap(sink) : HookTap(sink, isHosted: isHosted)
        tap.attach()
        authorizer?.attach()
        inputs?.attach()
    }

    /// Its SQL was written by whoever runs the workspace, and may look at files of it.
    public var allowsOutside: Bool {
        get { authorizer?.allowsOutside ?? false }
        set { authorizer?.allowsOutside = newValue }
    }

    deinit {
        tap.detach()
        authorizer?.detach()
        inputs?.detach()
    }

    // MARK: Transactions

    /// Begins a checkpoint.
    /// - Parameter pinned: the time and random numbers that its statements see; nil for those of the moment.
    public func begin(seeing pinned: PinnedInputs? = nil) throws(BatchError) {
        sink.begin(PolicyRules(policy, isUTF16: connection.isUTF16), watches: watches)
        readFacts.begin()
        systemLog.discard()
        state = State()
        state.isUndo = isUndoing
        // With SQLite's default, pages of indexes are written again and again: twice the time for a table with two.
        if !isHosted { try connection.limitPageCache(to: 65_536) }
        if !isHolding { try connection.beginImmediate() }
        inputs?.begin(pinned)
        state.schemaVersion = try connection.value("PRAGMA main.schema_version")?.integer ?? 0
        try state.system.note(isHosted ? SystemTables.all : [SystemTables.sequence], connection)
        guardMode = try WriteGuard(ledger).mode()
        try noteGuardTriggers()
        try tap.begin(schemaVersion: state.schemaVersion)
        try requireLedgerAlone()
        if guardMode != .off { try WriteGuard(ledger).open() }
        if isHosted { try beginHostSchema() }
    }

    /// The triggers of the guard may do what SQL of a batch may not, so each is known by its text.
    private func noteGuardTriggers() throws(BatchError) {
        guard let authorizer else { return }
        if guardMode == .off {
            authorizer.guardTriggers = []
        } else if guardVersion != state.schemaVersion {
            authorizer.guardTriggers = try WriteGuard(ledger).ownTriggers(guardMode)
        }
        guardVersion = guardMode == .off ? nil : state.schemaVersion
    }

    /// Nothing may stand before the ledger, or act when it is written: the policy would not see it.
    /// - Throws: `ERR_SECURITY_FORBIDDEN_STATEMENT` naming a TEMP object with a name of ours, or a trigger on the
    ///   ledger.
    func requireLedgerAlone() throws(BatchError) {
        let sql = """
            SELECT 'temp', type, name, tbl_name, sql FROM temp.sqlite_schema UNION ALL \
            SELECT 'main', type, name, tbl_name, NULL FROM main.sqlite_schema WHERE type = 'trigger'
            """
        for row in try connection.rows(sql) {
            let (type, name, table) = (row[1].string ?? "", row[2].string ?? "", row[3].string ?? "")
            let isTemporary = row[0].string == "temp"
            guard connection.isLedger(table) || isTemporary && SQLName.isReserved(name) else { continue }
            if isTemporary && tap.hasMade(name, row[4].string ?? "") { continue }
            throw BatchError(
                .forbiddenStatement, "\(isTemporary ? "TEMP \(type)" : type) \(name) stands in the way of the ledger",
                hint: "drop it: DROP \(type.uppercased()) \(isTemporary ? "temp" : "main").\(SQLName.quote(name))")
        }
    }

    /// Everything that changed is in the record, also what changed while it was written.
    private func requireNothingUnrecorded() throws(BatchError) {
        if let failure = sink.failure { throw failure }
        guard sink.changeNumber == sealedChange else {
            throw BatchError(
                .forbiddenStatement, "rows changed while the ledger was written: a trigger acts after the policy check",
                hint: "see the triggers: SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger'")
        }
    }

    /// True while checkpoints share one transaction.
    public internal(set) var isHolding = false

    /// Keeps the open transaction open after the next `commit`: the checkpoints from here on become permanent
    /// together, with `release`, or not at all.
    public func hold() { isHolding = true }

    /// Makes everything since `hold` permanent.
    public func release() throws(BatchError) {
        try end()
        isHolding = false
        sink.reset()
    }

    /// No other connection ever sees the guard open.
    private func end() throws(BatchError) {
        if guardMode != .off { try WriteGuard(ledger).close() }
        try connection.commit()
    }

    /// Rows changed since `begin`.
    public var rows: RowCounts { sink.counts }

    /// Writes the undo log, the facts and the digests of the checkpoint, lets `finish` add to the ledger, and commits.
    /// - Returns: the id of the checkpoint.
    /// - Throws: `ERR_SECURITY_TENANT`, `ERR_SECURITY_PROTECTED`, `ERR_SECURITY_LIMIT` when what was recorded violates
    ///   the policy. The caller then calls `rollback`.
    @discardableResult
    public func commit(
        batch: Int64, number: Int, step: String, position: String? = nil, at time: Timestamp,
        finish: (_ checkpoint: Int64) throws(BatchError) -> Void = { _ in }
    ) throws(BatchError) -> Int64 {
        let checkpoint = try seal(batch: batch, number: number, step: step, position: position, at: time)
        try finish(checkpoint)
        try requireNothingUnrecorded()
        if !isHolding { try end() } else if !isHosted { try requireReferences() }
        inputs?.end()
        sink.reset()
        return checkpoint
    }

    /// What COMMIT would say of deferred foreign keys, when it is still to come.
    private func requireReferences() throws(BatchError) {
        guard connection.hasDeferredViolations else { return }
        throw BatchError(
            .constraint, "a row refers to a missing row at the end of a checkpoint",
            hint: "see the foreign keys: PRAGMA foreign_key_check")
    }

    /// Holds the checkpoint against the policy and writes everything that belongs to it, but leaves the transaction
    /// open: a dry run looks at it and throws it away with `rollback`.
    public func seal(
        batch: Int64, number: Int, step: String, position: String? = nil, at time: Timestamp
    ) throws(BatchError) -> Int64 {
        // While SQLite commits for a host, it counts as ended already.
        guard isInSync || !connection.isAutocommit else {
            throw BatchError(
                .constraint,
                "the transaction of the checkpoint ended too early, and all its work is lost",
                hint: "look for ON CONFLICT ROLLBACK and RAISE(ROLLBACK) in the schema")
        }
        if !isInSync { try flushVirtualTables() }
        try settle()
        try tap.requireUndisturbed()
        try requireLedgerAlone()
        if isHosted { try sealHostSchema() } else { try restoreGuard() }
        try flush()
        sealedChange = sink.changeNumber
        let systemChanges = try state.system.changes(connection)
        noteStatistics(systemChanges)
        try requirePolicy(batch: batch, systemChanges)
        try tap.requireWhole(ledger)
        let checkpoint = try ledger.insertCheckpoint(
            batch: batch, number: number, step: step, position: position, at: time.iso8601, rows: sink.counts)
        try ledger.noteSchemaVersions(checkpoint, before: state.schemaVersion)
        try record(systemChanges)
        try ledger.write(sink, system: systemLog, checkpoint: checkpoint)
        try ledger.writeTreeFacts(sink.tables, checkpoint: checkpoint)
        var everything = KeyRuns()
        everything.insert(0)
        for fact in state.definitions { try ledger.write(fact.relation, fact.side, everything, checkpoint) }
        if let used = inputs?.used { try ledger.note(used, of: checkpoint) }
        let start = ContinuousClock.now
        for columns in sink.reads { readFacts.note(columns) }
        try readFacts.write(ledger, sink, schema, batch: batch, checkpoint: checkpoint)
        try ledger.sealFacts(of: checkpoint)
        ledger.factsTime += ContinuousClock.now - start
        try ledger.updateState(sink.tables, hasSchemaChange: state.hasSchemaChange)
        return checkpoint
    }

    /// Takes what was written since `begin` for given: it is in no undo log and no digest, as if it had been so before.
    public func forgetChanges() throws(BatchError) {
        try flushVirtualTables()
        try settle()
        sink.reset()
        systemLog.discard()
        state.system = SystemTables()
        try state.system.note([SystemTables.sequence], connection)
    }

    /// Works in the transaction that the host has open.
    public func join(at savepoint: String) throws(BatchError) {
        try connection.run("SAVEPOINT \(savepoint)")
        joined = .open(savepoint: savepoint)
        isHolding = true
    }

    /// Leaves what was done in the host's transaction, or what is left of it after `rollback`.
    public func leave() {
        guard case .open(let savepoint)? = joined else { return }
        try? connection.run("RELEASE \(savepoint)")
        joined = .left
    }

    /// Throws away everything since `begin`, or since `join`.
    public func rollback() {
        switch joined {
        case nil: connection.rollbackIfOpen()
        case .open(let savepoint): try? connection.execute("ROLLBACK TO \(savepoint)")
        case .left: break
        }
        inputs?.end()
        readFacts.forget()
        isHolding = joined != nil
        sink.reset()
        tap.noteTransactionEnd()
    }

    func flushVirtualTables() throws(BatchError) { try connection.flushVirtualTables() }

    /// Everything the hook has seen is recorded after this.
    func settle() throws(BatchError) {
        if let failure = sink.failure { throw failure }
        try tap.settle()
    }

    /// Everything that is recorded is in the log after this.
    func flush() throws(BatchError) {
        try settle()
        try sink.flush()
    }

    // MARK: What a checkpoint leaves behind beside its log

    private func record(_ system: [(table: String, changes: [RowChange])]) throws(BatchError) {
        for (table, changes) in system {
            let layout = try schema.layout(named: table) ?? TableLayout.dropped(systemTable: table)
            try sink.record(changes, of: layout, in: systemLog)
        }
    }
}

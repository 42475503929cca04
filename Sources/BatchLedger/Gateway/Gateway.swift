public import BatchCore
internal import CSQLite

/// The only way to write: opens a transaction, records every change, and commits undo data with the change.
public final class Gateway {
    public let connection: Connection
    public let ledger: Ledger
    let recorder: Recorder
    private let authorizer: Authorizer
    private let schema: SchemaReader
    private var system = SystemTables()
    private let systemLog: UndoLogWriter
    private var definitions: Set<Relation> = []
    private var usedDefinitions: Set<Relation> = []
    private var readFacts = ReadFacts()
    private let pins: StatementPins
    /// The schema cookie at the beginning of the checkpoint.
    private var schemaVersion: Int64 = 0
    private var hasSchemaChange = false
    private var interruption: Interruption?
    private var guardMode = GuardMode.off
    /// The triggers of the guard are away while the schema changes.
    private var isGuardLifted = false

    /// - Parameter spillFolder: where the undo log of a large transaction waits for its end.
    public init(_ connection: Connection, spillFolder: String) throws(BatchError) {
        self.connection = connection
        ledger = try Ledger(connection)
        recorder = Recorder(connection, spillFolder: spillFolder)
        authorizer = Authorizer(connection)
        schema = SchemaReader(connection)
        systemLog = UndoLogWriter(spillFolder: spillFolder)
        pins = StatementPins(connection)
        recorder.attach()
        authorizer.attach()
        pins.attach()
    }

    deinit {
        recorder.detach()
        authorizer.detach()
        pins.detach()
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
        // With SQLite's default, pages of indexes are written again and again: twice the time for a table with two.
        try connection.limitPageCache(to: 65_536)
        if !isHolding { try connection.execute("BEGIN IMMEDIATE") }
        pins.begin(pin)
        schemaVersion = try connection.value("PRAGMA main.schema_version")?.integer ?? 0
        try system.note(SystemTables.sequence, connection)
        isGuardLifted = false
        guardMode = try WriteGuard(ledger).mode()
        if guardMode != .off { try WriteGuard(ledger).open() }
    }

    /// True while checkpoints share one transaction.
    public private(set) var isHolding = false

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
    @discardableResult
    public func commit(
        batch: Int64, number: Int, step: String, position: String? = nil, at time: Timestamp,
        finish: (_ checkpoint: Int64) throws(BatchError) -> Void = { _ in }
    ) throws(BatchError) -> Int64 {
        let checkpoint = try seal(batch: batch, number: number, step: step, position: position, at: time)
        try finish(checkpoint)
        if isHolding { try requireReferences() } else { try end() }
        pins.end()
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

    /// Writes everything that belongs to the checkpoint, but leaves the transaction open: a dry run looks at it and
    /// throws it away with `rollback`.
    public func seal(
        batch: Int64, number: Int, step: String, position: String? = nil, at time: Timestamp
    ) throws(BatchError) -> Int64 {
        try flushVirtualTables()
        try flush()
        try restoreGuard()
        let checkpoint = try ledger.insertCheckpoint(
            batch: batch, number: number, step: step, position: position, at: time.iso8601, rows: recorder.counts)
        try ledger.noteSchemaVersions(checkpoint, before: schemaVersion)
        try recordSystemTables()
        try ledger.write(recorder, system: systemLog, checkpoint: checkpoint)
        var everything = KeyRuns()
        everything.insert(0)
        for relation in definitions { try ledger.write(relation, .changed, everything, checkpoint) }
        for relation in usedDefinitions { try ledger.write(relation, .referenced, everything, checkpoint) }
        if let pin = pins.used { try ledger.note(pin, of: checkpoint) }
        let start = ContinuousClock.now
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
        pins.end()
        readFacts.forget()
        isHolding = false
        recorder.reset()
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
        GatewayStatement(statement: try authorizer.prepare(sql), findings: authorizer.findings)
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

    /// Takes the guard's triggers away until the end of the checkpoint: a change of the schema must not meet them, and
    /// new objects get the places that they would have without them.
    func liftGuard() throws(BatchError) {
        guard guardMode != .off, !isGuardLifted else { return }
        try WriteGuard(ledger).remove()
        isGuardLifted = true
    }

    private func restoreGuard() throws(BatchError) {
        if isGuardLifted {
            try WriteGuard(ledger).install()
        } else if guardMode != .off, try connection.value("PRAGMA main.schema_version")?.integer != schemaVersion {
            try WriteGuard(ledger).followCookie(from: schemaVersion)
        }
        isGuardLifted = false
    }

    private func runSchemaChange(_ prepared: GatewayStatement) throws(BatchError) {
        try flushVirtualTables()
        if prepared.findings.changesSchema { try liftGuard() }
        try noteStatistics()
        let before = try schema.objects()
        let own = try ledger.objectCount()
        let rewritten = try rewrittenTables(prepared.findings)
        for layout in rewritten { try recordRows(of: layout) }
        let named = Set(rewritten.map(\.name))
        // Rows of other tables may change too: dropping a parent can cascade.
        recorder.limit(to: Set(before.filter { $0.type == "table" && !named.contains($0.name) }.map(\.name)))
        defer { recorder.limit(to: nil) }
        while try prepared.statement.step() {}
        prepared.statement.reset()
        try settle()
        guard try ledger.objectCount() == own else {
            throw BatchError(
                .forbiddenStatement, "a batch may not give anything a batchmgr_ name: they belong to the ledger",
                hint: "choose another name")
        }
        try noteSchemaChange(from: before, recorded: named)
    }

    /// Records in the log how the schema differs from `before`.
    /// - Parameter recorded: tables whose rows were recorded as removed before the change.
    func noteSchemaChange(from before: [SchemaObject], recorded: Set<String>) throws(BatchError) {
        recorder.forgetLayouts()
        let objects = try schema.objects()
        guard var change = SchemaChange(from: before, to: objects) else { return }
        hasSchemaChange = true
        for object in change.after where object.type == "table" && !object.isVirtualTable && !object.isSystem {
            // The text alone has changed, e.g. the name of a parent table in it: the rows are as they were.
            if change.holdsRows(object), !recorded.contains(object.name) { continue }
            guard let layout = try schema.layout(named: object.name) else { continue }
            let digest = try StateDigest.compute(layout, connection)
            change.digests[object.name] = digest
            try recorder.noteRewritten(layout, rows: digest)
        }
        for object in change.before + change.after {
            definitions.insert(.definition(of: object))
        }
        for object in change.after {
            for other in before + objects where object.uses(other) { usedDefinitions.insert(.definition(of: other)) }
        }
        try recorder.record(change)
    }

    private func rewrittenTables(_ findings: StatementFindings) throws(BatchError) -> [TableLayout] {
        var layouts: [TableLayout] = []
        for name in findings.rewrittenTables.sorted() {
            if let layout = try schema.layout(named: name) {
                layouts.append(layout)
            } else {
                // A virtual table: its rows are in its shadow tables.
                let lowered = name.lowercased()
                layouts += try schema.tables().filter { layout in
                    if case .shadow(let owner) = layout.role { owner.lowercased() == lowered } else { false }
                }
            }
        }
        return layouts
    }

    /// Records all rows of a table as removed, before it is dropped or altered.
    func recordRows(of layout: TableLayout) throws(BatchError) {
        try connection.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            try recorder.recordRemoval(of: layout, rows: try RowReader(visible, on: connection))
        }
    }

    // MARK: Ends of a checkpoint

    private func recordSystemTables() throws(BatchError) {
        for (table, changes) in try system.changes(connection) {
            let layout = try schema.layout(named: table) ?? TableLayout.dropped(systemTable: table)
            try recorder.record(changes, of: layout, in: systemLog)
        }
    }

    private func updateState() throws(BatchError) {
        var names: Set<String> = []
        var changes: [String: TableDigest] = [:]
        for track in recorder.tracks where track.isTouched {
            names.insert(track.layout.name)
            changes[track.layout.name, default: TableDigest()] += track.digest
        }
        for name in names {
            let row = try connection.rows(
                "SELECT digest, rows FROM batchmgr_state WHERE table_name = ?", [.string(name)]
            ).first
            var now = TableDigest(
                digest: row?[0].string.flatMap(Digest.init(hex:)) ?? .zero, rows: row?[1].integer ?? 0)
            now += changes[name] ?? TableDigest()
            try ledger.setState(name, now)
        }
        guard hasSchemaChange else { return }
        let objects = try schema.objects()
        try ledger.setState(Ledger.schemaRow, TableDigest(digest: StateDigest.schemaDigest(objects)))
        let tables = Set(objects.filter { $0.type == "table" && !$0.isVirtualTable }.map(\.name))
        for name in names where !tables.contains(name) { try ledger.removeState(name) }
        for name in tables.subtracting(names) {
            try connection.run(
                "INSERT OR IGNORE INTO batchmgr_state VALUES(?, ?, 0)",
                [.string(name), .string(Digest.zero.description)])
        }
    }
}

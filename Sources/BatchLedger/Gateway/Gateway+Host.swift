public import BatchCore

/// What is different on the connection of a host, which runs its statements itself.
extension Gateway {
    /// A place in the record of the open checkpoint.
    public struct Mark {
        let changes: ChangeSink.Mark
        let schema: SchemaMark?
    }

    /// Call it where the host could come back to: at the beginning of a statement, and at a savepoint.
    public func mark() -> Mark { Mark(changes: sink.mark(), schema: schemaMark()) }

    /// The host took back what it did since the mark: a statement failed half-way, or it went back to a savepoint.
    /// When so much was changed since that the record is in the log already, the checkpoint cannot be committed any
    /// more.
    public func goBack(to mark: Mark) {
        sink.goBack(to: mark.changes)
        goBack(to: mark.schema)
    }

    /// Looks at the statements of the host from here on: at what they read, and at the columns that they may set.
    public func watchStatements() { sink.followStatements() }

    /// Like `commit`, while SQLite asks everybody to get ready for a COMMIT that the host has called.
    public func finishInSync(_ body: () throws(BatchError) -> Void) throws(BatchError) {
        isInSync = true
        isHolding = true
        defer { isInSync = false }
        try body()
        if guardMode != .off { try WriteGuard(ledger).close() }
        readFacts.forget()
        // When COMMIT fails, the transaction goes on, and more may change in it.
        sink.begin(PolicyRules(policy, isUTF16: connection.isUTF16))
        systemLog.discard()
        let version = try connection.value("PRAGMA main.schema_version")?.integer ?? 0
        state = State()
        state.schemaVersion = version
        try state.system.note([SystemTables.sequence], connection)
        hostSchema.goOn()
    }

    /// SQLite is committing the transaction.
    public var isCommitting: Bool { isInSync }

    /// A virtual table that was written since the last checkpoint began: its module may write its last rows with COMMIT
    /// itself, after everything that is recorded.
    public var writtenModule: String? {
        for table in sink.tables where table.isTouched {
            if case .shadow(let owner) = table.layout.role { return owner }
        }
        return nil
    }

    /// The host runs statements of its own, which have no business in the ledger.
    public var isHostWriting: Bool {
        get { sink.isHostWriting }
        set { sink.isHostWriting = newValue }
    }

    /// Writes something into the ledger that is no part of the batch, and does not go on with one that waits.
    public func aside(_ body: () throws(BatchError) -> Void) throws(BatchError) {
        sink.isAside = true
        defer { sink.isAside = false }
        try body()
    }

    /// The transaction is committed, and the batch goes on with the next row that changes.
    /// - Parameter resumption: called before that row is recorded.
    public func wait(_ resumption: @escaping () throws(BatchError) -> Void) {
        isHolding = false
        sink.reset()
        sink.isBetween = true
        sink.resumption = resumption
    }

    /// Goes on after a COMMIT of the host.
    /// - Parameter isInside: of a statement that changes rows: the guard's triggers have fired, and savepoints cannot
    ///   be made.
    public func resume(isInside: Bool) throws(BatchError) {
        sink.isBetween = false
        sink.resumption = nil
        let version = try connection.value("PRAGMA main.schema_version")?.integer
        guard version == hostSchema.cookie else {
            throw BatchError(
                .notUndoable, "the schema was changed between two transactions of a batch, unseen",
                hint: "change the schema after a statement that writes rows, or in a batch of its own")
        }
        guard isInside else { return }
        isHolding = true
        let cookie = state.schemaVersion
        state = State()
        state.schemaVersion = version ?? cookie
        sink.begin(PolicyRules(policy, isUTF16: connection.isUTF16))
        try state.system.note(SystemTables.all, connection)
        hostSchema.goOn()
        try requireLedgerAlone()
    }

    /// Leaves the transaction to the host, who will end it.
    public func part() throws(BatchError) {
        if guardMode != .off { try WriteGuard(ledger).close() }
        abandon()
    }

    /// The next checkpoint is in the same transaction.
    public func goOn() { sink.reset() }

    /// Lets go of every statement that is kept from row to row; they are made again when they are needed.
    public func dropStatements() { sink.storedRows.dropStatements() }

    /// The transaction is gone, or goes on without us.
    public func abandon() {
        isHolding = false
        readFacts.forget()
        sink.reset()
        systemLog.discard()
        // They may have gone with the transaction.
        tap.noteTransactionEnd()
    }
}

/// Statements of a host that change the schema.
///
/// SQLite makes a savepoint for each of them before it does anything, and tells a virtual table of it. So the rows of a
/// table that goes are still there to be recorded, and the change gets its place among the changes of rows.
extension Gateway {
    /// True while SQL of ours runs inside a statement of the host: what SQLite tells of it is nobody's business.
    public var isReadingSchema: Bool { hostSchema.isReading }

    /// True when something is to be written as a checkpoint.
    public func hasChanges() throws(BatchError) -> Bool {
        try tap.requireUndisturbed()
        try requireLedgerAlone()
        if rows.total > 0 || state.hasSchemaChange { return true }
        if try schemaCookie() != hostSchema.cookie { return true }
        if try hasOtherSettings() { return true }
        // SQLite reports no rows of its own tables.
        return try !state.system.changes(connection).isEmpty
    }

    /// SQLite tells of a statement once for each database that it writes to.
    public func hasBegun(at savepoint: Int32) -> Bool { hostSchema.running?.savepoint == savepoint }

    /// A statement of the host begins. It may be one that changes the schema.
    public func noteBegin(at savepoint: Int32) {
        guard hostSchema.running == nil, sink.failure == nil, let statement = SchemaStatement.running(on: connection)
        else { return }
        observe { () throws(BatchError) in
            try followSchema()
            var running = HostSchema.Running(
                savepoint: savepoint, mark: sink.mark(), ledgerObjects: try ledger.tableCount())
            running.owned = try ownedTables()
            let layouts = try rewrittenTables(try statement.rewrittenOfMain(on: connection).map { [$0] } ?? [])
            running.recorded = Set(layouts.map(\.name))
            for layout in layouts {
                // A column that hides it cannot be renamed while the statement runs.
                if case .rowid(nil) = layout.key { throw StoredRows.hiddenRows(of: layout) }
                try recordRows(of: layout)
            }
            hostSchema.begin(running)
            // Rows of other tables may change too: dropping a parent can cascade.
            let others = hostSchema.objects.filter { $0.type == "table" && !running.recorded.contains($0.name) }
            sink.captured.limit(to: Set(others.map(\.name)))
        }
    }

    /// The statement has done its work.
    public func noteEnd(at savepoint: Int32) {
        guard let running = endStatement(at: savepoint), sink.failure == nil else { return }
        observe { () throws(BatchError) in
            try tap.settle()
            guard try ledger.tableCount() == running.ledgerObjects else {
                throw BatchError(
                    .forbiddenStatement,
                    "a batch may not use a name that begins with batchmgr_: those belong to the ledger",
                    hint: "choose another name")
            }
            let objects = try schema.objectsAndSettings()
            guard let change = SchemaChange(from: hostSchema.objects, to: objects) else {
                // It had nothing to do.
                hostSchema.note(cookie: try schemaCookie())
                if !running.recorded.isEmpty { sink.goBack(to: running.mark) }
                return
            }
            let gone = Set(change.before.filter { $0.type == "table" }.map(\.name))
            guard let left = running.recorded.subtracting(gone).sorted().first else {
                return try noteSchemaChange(
                    from: hostSchema.objects, recorded: running.recorded, owned: running.owned)
            }
            throw BatchError(
                .notUndoable, "the statement did something to table \(left) that its text does not say",
                hint: "run it with the tool: \(command: "run --id NAME --sql SQL")")
        }
    }

    /// The host went back to a savepoint, or the statement failed.
    public func noteReturn(to savepoint: Int32) { _ = endStatement(at: savepoint) }

    private func endStatement(at savepoint: Int32) -> HostSchema.Running? {
        guard let running = hostSchema.end(at: savepoint) else { return nil }
        sink.captured.limit(to: nil)
        return running
    }

    private func observe(_ body: () throws(BatchError) -> Void) {
        hostSchema.isReading = true
        defer { hostSchema.isReading = false }
        do throws(BatchError) { try body() } catch { sink.fail(error) }
    }

    // MARK: The checkpoint

    func beginHostSchema() throws(BatchError) {
        hostSchema = HostSchema(try committedObjects() + schema.settings(), cookie: state.schemaVersion)
        sink.follow(hostSchema.objects, version: hostSchema.cookie)
    }

    /// The objects at the beginning of a transaction of ours: as long as the cookie stands, the schema does too. In one of
    /// the host a change that is never committed may have moved it.
    private func committedObjects() throws(BatchError) -> [SchemaObject] {
        if isHolding { return try schema.objects() }
        if let known = connection.committedSchema, known.version == state.schemaVersion { return known.objects }
        let objects = try schema.objects()
        connection.committedSchema = (state.schemaVersion, objects)
        return objects
    }

    /// Everything that the host did to the schema is recorded after this, and the guard fits it.
    func sealHostSchema() throws(BatchError) {
        try followSchema()
        if try hasOtherSettings() {
            try noteSchemaChange(from: hostSchema.objects, recorded: [])
        }
        if state.hasSchemaChange, guardMode != .off, !state.isGuardLifted {
            try WriteGuard(ledger).remove()
            state.isGuardLifted = true
        }
        try restoreGuard()
    }

    /// The record has the schema as it is.
    func noteHostSchema(_ objects: [SchemaObject], after change: SchemaChange) throws(BatchError) {
        guard isHosted else { return }
        hostSchema.note(objects, cookie: try schemaCookie())
        try tap.follow(change)
    }

    /// Records what no savepoint told of: views and triggers that were dropped. Where that stands among the changes of
    /// rows makes no difference.
    private func followSchema() throws(BatchError) {
        let cookie = try schemaCookie()
        guard cookie != hostSchema.cookie else { return }
        hostSchema.note(cookie: cookie)
        guard let change = SchemaChange(from: hostSchema.objects, to: try schema.objectsAndSettings()) else {
            // Rows that went with a table are missing, though one of the same text has taken its place.
            if isUndoing { return }
            throw BatchError(
                .notUndoable, "the schema was changed and changed back in a way that cannot be recorded",
                hint: "use CREATE, ALTER and DROP; or run it with the tool: \(command: "run --id NAME --sql SQL")")
        }
        if let object = (change.before + change.after).first(where: { $0.type == "table" || $0.type == "index" }) {
            throw BatchError(
                .notUndoable,
                "the definition of \(object.type) \(object.name) was changed in a way that cannot be recorded",
                hint: "use CREATE, ALTER and DROP; or run it with the tool: \(command: "run --id NAME --sql SQL")")
        }
        try noteSchemaChange(from: hostSchema.objects, recorded: [], owned: try ownedTables())
    }

    /// True when the host has set `user_version` or `application_id`: of these SQLite tells nothing.
    private func hasOtherSettings() throws(BatchError) -> Bool {
        try schema.settings() != hostSchema.objects.filter(\.isSetting)
    }

    private func schemaCookie() throws(BatchError) -> Int64 {
        try connection.value("PRAGMA main.schema_version")?.integer ?? 0
    }

    // MARK: Going back

    /// Nil as long as the schema is as it was at the beginning of the checkpoint.
    func schemaMark() -> SchemaMark? {
        guard state.hasSchemaChange else { return nil }
        return SchemaMark(
            objects: hostSchema.objects, cookie: hostSchema.cookie, definitions: state.definitions,
            definitionChanges: state.definitionChanges, madeTables: sink.captured.made)
    }

    func goBack(to mark: SchemaMark?) {
        guard state.hasSchemaChange else { return }
        state.hasSchemaChange = mark != nil
        hostSchema.goBack(to: mark)
        state.definitions = mark?.definitions ?? []
        state.definitionChanges = mark?.definitionChanges ?? RecordedWrites.Checkpoint()
        sink.captured.made = mark?.madeTables ?? []
        sink.forgetSchema()
    }
}

extension Ledger {
    /// Tables and indexes of the ledger, without the triggers of the guard.
    fileprivate func tableCount() throws(BatchError) -> Int64 {
        let sql = """
            SELECT count(*) FROM main.sqlite_schema \
            WHERE name LIKE 'batchmgr\\_%' ESCAPE '\\' AND name NOT LIKE 'batchmgr\\_guard\\_%' ESCAPE '\\'
            """
        return try connection.value(sql)?.integer ?? 0
    }
}

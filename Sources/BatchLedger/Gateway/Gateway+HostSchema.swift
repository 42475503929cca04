public import BatchCore
internal import CSQLite

/// Statements of a host that change the schema.
///
/// SQLite makes a savepoint for each of them before it does anything, and tells a virtual table of it. So the rows of a
/// table that goes are still there to be recorded, and the change gets its place among the changes of rows.
extension Gateway {
    /// True while SQL of ours runs inside a statement of the host: what SQLite tells of it is nobody's business.
    public var isReadingSchema: Bool { hostSchema.isReading }

    /// True when something is to be written as a checkpoint.
    public func hasChanges() throws(BatchError) -> Bool {
        if rows.total > 0 || hasSchemaChange { return true }
        return try schemaCookie() != hostSchema.cookie
    }

    /// SQLite tells of a statement once for each database that it writes to.
    public func hasBegun(at savepoint: Int32) -> Bool { hostSchema.running?.savepoint == savepoint }

    /// A statement of the host begins. It may be one that changes the schema.
    public func noteBegin(at savepoint: Int32) {
        guard hostSchema.running == nil, recorder.failure == nil, let statement = runningSchemaStatement() else {
            return
        }
        observe { () throws(BatchError) in
            try followSchema()
            var running = HostSchema.Running(
                savepoint: savepoint, mark: recorder.mark(), ledgerObjects: try ledger.tableCount())
            running.owned = try ownedTables()
            let layouts = try rewrittenTables(try statement.rewritten.flatMap(tableOfMain).map { [$0] } ?? [])
            running.recorded = Set(layouts.map(\.name))
            for layout in layouts {
                // A column that hides it cannot be renamed while the statement runs.
                if case .rowid(nil) = layout.key { throw Recorder.hiddenRows(of: layout) }
                try recordRows(of: layout)
            }
            hostSchema.running = running
            // Rows of other tables may change too: dropping a parent can cascade.
            let others = hostSchema.objects.filter { $0.type == "table" && !running.recorded.contains($0.name) }
            recorder.limit(to: Set(others.map(\.name)))
        }
    }

    /// The statement has done its work.
    public func noteEnd(at savepoint: Int32) {
        guard let running = endStatement(at: savepoint), recorder.failure == nil else { return }
        observe { () throws(BatchError) in
            try recorder.settlePending()
            guard try ledger.tableCount() == running.ledgerObjects else {
                throw BatchError(
                    .forbiddenStatement, "a batch may not give anything a batchmgr_ name: they belong to the ledger",
                    hint: "choose another name")
            }
            let objects = try schema.objects()
            guard let change = SchemaChange(from: hostSchema.objects, to: objects) else {
                // It had nothing to do.
                hostSchema.cookie = try schemaCookie()
                if !running.recorded.isEmpty { recorder.goBack(to: running.mark) }
                return
            }
            let gone = Set(change.before.filter { $0.type == "table" }.map(\.name))
            guard let left = running.recorded.subtracting(gone).sorted().first else {
                return try noteSchemaChange(
                    from: hostSchema.objects, recorded: running.recorded, owned: running.owned)
            }
            throw BatchError(
                .notUndoable, "the statement did something else to table \(left) than its text says",
                hint: "run it with the tool: batchmgr run --id NAME --sql SQL")
        }
    }

    /// The host went back to a savepoint, or the statement failed.
    public func noteReturn(to savepoint: Int32) { _ = endStatement(at: savepoint) }

    private func endStatement(at savepoint: Int32) -> HostSchema.Running? {
        guard let running = hostSchema.running, savepoint <= running.savepoint else { return nil }
        hostSchema.running = nil
        recorder.limit(to: nil)
        return running
    }

    private func observe(_ body: () throws(BatchError) -> Void) {
        hostSchema.isReading = true
        defer { hostSchema.isReading = false }
        do throws(BatchError) { try body() } catch { recorder.fail(error) }
    }

    // MARK: The checkpoint

    func beginHostSchema() throws(BatchError) {
        hostSchema = HostSchema()
        hostSchema.first = try schema.objects()
        hostSchema.objects = hostSchema.first
        hostSchema.cookie = schemaVersion
        hostSchema.firstCookie = schemaVersion
        try noteStatistics()
    }

    /// Everything that the host did to the schema is recorded after this, and the guard fits it.
    func sealHostSchema() throws(BatchError) {
        try followSchema()
        if hasSchemaChange, guardMode != .off, !isGuardLifted {
            try WriteGuard(ledger).remove()
            isGuardLifted = true
        }
        try restoreGuard()
    }

    /// The record has the schema as it is.
    func noteHostSchema(_ objects: [SchemaObject], after change: SchemaChange) throws(BatchError) {
        guard isHosted else { return }
        hostSchema.objects = objects
        hostSchema.cookie = try schemaCookie()
        try recorder.followTriggers(change)
    }

    /// Records what no savepoint told of: views and triggers that were dropped. Where that stands among the changes of
    /// rows makes no difference.
    private func followSchema() throws(BatchError) {
        let cookie = try schemaCookie()
        guard cookie != hostSchema.cookie else { return }
        hostSchema.cookie = cookie
        guard let change = SchemaChange(from: hostSchema.objects, to: try schema.objects()) else {
            // Rows that went with a table are missing, though one of the same text has taken its place.
            if isUndoing { return }
            throw BatchError(
                .notUndoable, "the schema was changed and changed back by what cannot be recorded",
                hint: "use CREATE, ALTER and DROP; or run it with the tool: batchmgr run --id NAME --sql SQL")
        }
        if let object = (change.before + change.after).first(where: { $0.type == "table" || $0.type == "index" }) {
            throw BatchError(
                .notUndoable, "the definition of \(object.type) \(object.name) was changed by what cannot be recorded",
                hint: "use CREATE, ALTER and DROP; or run it with the tool: batchmgr run --id NAME --sql SQL")
        }
        try noteSchemaChange(from: hostSchema.objects, recorded: [], owned: try ownedTables())
    }

    private func schemaCookie() throws(BatchError) -> Int64 {
        try connection.value("PRAGMA main.schema_version")?.integer ?? 0
    }

    // MARK: Going back

    /// Nil as long as the schema is as it was at the beginning of the checkpoint.
    func schemaMark() -> SchemaMark? {
        guard hasSchemaChange else { return nil }
        return SchemaMark(
            objects: hostSchema.objects, cookie: hostSchema.cookie, definitions: definitions,
            usedDefinitions: usedDefinitions, definitionChanges: definitionChanges, madeTables: recorder.madeTables)
    }

    func goBack(to mark: SchemaMark?) {
        guard hasSchemaChange else { return }
        hasSchemaChange = mark != nil
        hostSchema.objects = mark?.objects ?? hostSchema.first
        hostSchema.cookie = mark?.cookie ?? hostSchema.firstCookie
        definitions = mark?.definitions ?? []
        usedDefinitions = mark?.usedDefinitions ?? []
        definitionChanges = mark?.definitionChanges ?? RecordedCheckpoint()
        recorder.madeTables = mark?.madeTables ?? []
        recorder.forgetLayouts()
    }

    // MARK: The statement

    /// The statement of the host that is running, when its text changes the schema.
    ///
    /// The first that writes will do: statements come with the latest first, and what is missed is refused in the end.
    private func runningSchemaStatement() -> SchemaStatement? {
        var statement = sqlite3_next_stmt(connection.handle, nil)
        while let current = statement {
            if sqlite3_stmt_busy(current) != 0, sqlite3_stmt_readonly(current) == 0 {
                guard let text = sqlite3_sql(current), Gateway.mayChangeSchema(text) else { return nil }
                return SchemaStatement(String(cString: text))
            }
            statement = sqlite3_next_stmt(connection.handle, current)
        }
        return nil
    }

    /// Looks at the first byte alone: the text of a statement may be long, and most write rows.
    private static func mayChangeSchema(_ text: UnsafePointer<CChar>) -> Bool {
        var place = text
        while place.pointee == 32 || place.pointee == 59 || (place.pointee >= 9 && place.pointee <= 13) { place += 1 }
        let first = UInt8(bitPattern: place.pointee)
        return "acdACD-/".utf8.contains(first) || first >= 128
    }

    /// The name of a table of the main database; nil for one of another database. SQLite looks among TEMP tables first.
    private func tableOfMain(_ target: SchemaStatement.Target) throws(BatchError) -> String? {
        if let database = target.database { return database == "main" ? target.name : nil }
        let temporary = try connection.value(
            "SELECT 1 FROM temp.sqlite_schema WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
            [.string(target.name)])
        return temporary == nil ? target.name : nil
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

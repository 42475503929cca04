public import BatchCore
internal import CSQLite

/// Sees every changed row through TEMP triggers, in hosts whose SQLite has no hook for us.
///
/// REPLACE removes rows without firing a trigger, unless triggers are recursive. They are made so for the length of a batch
/// where that changes nothing else: where ours are the only ones. Elsewhere rows that REPLACE could remove are handed over
/// before, as candidates.
///
/// Source: https://www.sqlite.org/lang_conflict.html, https://www.sqlite.org/pragma.html#pragma_recursive_triggers
final class TriggerTap: ChangeTap {
    private let sink: ChangeSink
    private let connection: Connection
    private let isUTF16: Bool
    private let rows: UnsafeMutablePointer<RowImages>
    private var lastTable: CapturedTable?
    private var layoutNumber = 0

    /// Known to the triggers and to this alone, so that nobody else can write into the record; nil while there are none.
    private var token: Int64?
    /// By the numbers that the triggers give.
    private var layouts: [TableLayout] = []
    /// The texts of the triggers of each of them, as SQLite keeps them.
    private var texts: [[String]] = []
    private var modules = ModuleTables()
    /// Of the schema that the triggers fit; nil when they may not be there.
    private var schemaVersion: Int64?
    /// Rows that REPLACE removes fire triggers where these are recursive.
    private let recursion: RecursiveTriggers
    private let candidates: ReplaceCandidates
    /// Of the tables in `twiceChanged`.
    private let touched: TouchedRows
    /// Nil while there are no triggers.
    private var twiceChanged: TwiceChangedTables?
    /// By the numbers that the triggers give.
    private var isTwiceChanged: [Bool] = []
    /// Tables in which REPLACE may remove rows that no condition finds before.
    private var unforeseen: Set<String> = []

    init(_ sink: ChangeSink) {
        self.sink = sink
        connection = sink.connection
        isUTF16 = sink.isUTF16
        rows = sink.rows
        recursion = RecursiveTriggers(sink.connection)
        candidates = ReplaceCandidates(sink)
        touched = TouchedRows(sink)
        sink.tap = self
    }

    func attach() {
        connection.dropCachedStatements()
        connection.expireStatements()
    }

    func detach() { sink.storedRows.dropStatements() }
    func settle() throws(BatchError) { try touched.settleAll() }

    func forgetRows() {
        candidates.forget()
        touched.forget()
    }

    func noteTransactionEnd() { schemaVersion = nil }

    // MARK: The triggers

    /// Makes the triggers, unless they are there for the schema as it is.
    func begin(schemaVersion: Int64) throws(BatchError) {
        defer { forgetRows() }
        touched.forgetDoubts()
        guard token == nil || self.schemaVersion != schemaVersion else { return try modules.begin(connection) }
        try requireOwnTriggersAlone()
        try remove()
        var generator = SystemRandomNumberGenerator()
        try recursion.begin()
        token = Int64(bitPattern: generator.next())
        layouts = []
        texts = []
        isTwiceChanged = []
        unforeseen = []
        self.schemaVersion = schemaVersion
        let tables = try SchemaReader(connection).tables()
        twiceChanged = try twiceChangedTables(among: tables)
        for layout in tables where layout.role == .ordinary { try makeTriggers(of: layout) }
        modules = try ModuleTables(tables, on: connection)
    }

    private func makeTriggers(of layout: TableLayout) throws(BatchError) {
        guard let token else { return }
        let isTwiceChanged = twiceChanged?.contains(layout) ?? false
        layouts.append(layout)
        self.isTwiceChanged.append(isTwiceChanged)
        let own = CaptureTriggers(
            layout, index: layouts.count - 1, token: token, seesReplaced: recursion.seesReplaced,
            isTwiceChanged: isTwiceChanged, defaults: try replacedNulls(layout))
        let statements = own.statements
        texts.append(statements.map(CaptureTriggers.stored))
        for sql in statements { try connection.execute(sql) }
    }

    /// What REPLACE puts in the place of NULL: SQL for columns of unique keys that have a default and take no NULL.
    private func replacedNulls(_ layout: TableLayout) throws(BatchError) -> [Int: String] {
        if recursion.seesReplaced { return [:] }
        let columns = Set(layout.uniqueIndexes.flatMap { $0.columns.compactMap(\.self) })
        let filled = columns.filter { layout.columns[$0].isNotNull && layout.columns[$0].hasDefault }
        let isGenerated = columns.contains { layout.columns[$0].generated != .no }
        if isGenerated, layout.columns.contains(where: { $0.isNotNull && $0.hasDefault }) {
            unforeseen.insert(layout.name)
        }
        if filled.isEmpty { return [:] }
        let texts = try connection.rows(
            "SELECT dflt_value FROM pragma_table_xinfo(?, 'main') ORDER BY cid", [.string(layout.name)])
        var found: [Int: String] = [:]
        for column in filled where texts.indices.contains(column) {
            let text = texts[column][0].string ?? "NULL"
            // A function may say something else each time.
            if text.contains("(") { unforeseen.insert(layout.name) }
            found[column] = DefaultText.expression(text)
        }
        return found
    }

    /// Nil for an undo: triggers of the schema and actions of foreign keys are off meanwhile.
    private func twiceChangedTables(among tables: [TableLayout]) throws(BatchError) -> TwiceChangedTables? {
        guard sink.isFollowingStatements else { return nil }
        return try TwiceChangedTables(tables, seesReplaced: recursion.seesReplaced, connection)
    }

    func hasMade(_ name: String, _ text: String) -> Bool { texts.contains { $0.contains(text) } }

    /// Makes the triggers of tables anew that were made or altered, under another number: those of before may come back
    /// with a savepoint. The next checkpoint makes all of them anew.
    func follow(_ change: SchemaChange) throws(BatchError) {
        guard token != nil else { return }
        var changed = Set((change.before + change.after).map(\.tableName))
        let layouts = try SchemaReader(connection).tables()
        // A trigger or foreign key of another table may decide how the rows of one are recorded.
        let twice = try twiceChangedTables(among: layouts)
        changed.formUnion(layouts.filter { twice?.contains($0) != twiceChanged?.contains($0) }.map(\.name))
        twiceChanged = twice
        let names = try connection.rows(
            "SELECT name, tbl_name FROM temp.sqlite_schema WHERE type = 'trigger' AND \(CaptureTriggers.isOwn)")
        for row in names where changed.contains(row[1].string ?? "") {
            try connection.execute("DROP TRIGGER temp.\(SQLName.quote(row[0].string ?? ""))")
        }
        forgetRows()
        schemaVersion = nil
        for layout in layouts where layout.role == .ordinary && changed.contains(layout.name) {
            try makeTriggers(of: layout)
        }
        try modules.follow(layouts, connection)
    }

    func remove() throws(BatchError) {
        token = nil
        schemaVersion = nil
        forgetRows()
        restoreSettings()
        try CaptureTriggers.remove(from: connection)
    }

    func restoreSettings() { recursion.restore() }

    // MARK: Proof

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when the host has changed what the record relies on.
    func requireUndisturbed() throws(BatchError) {
        try requireOwnTriggersAlone()
        guard token != nil else { return }
        try requireTriggers()
        try modules.requireUntouched(connection)
        // An undo makes triggers too, while those of the schema are switched off.
        try recursion.requireUnchanged(allowingTriggers: !sink.isFollowingStatements)
    }

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when a table is without its triggers, or with others.
    private func requireTriggers() throws(BatchError) {
        let found = Set(
            try connection.rows(
                "SELECT sql FROM temp.sqlite_schema WHERE type = 'trigger' AND \(CaptureTriggers.isOwn)"
            )
            .compactMap { $0[0].string })
        let version = try connection.value("PRAGMA main.schema_version")?.integer
        let tables = version == schemaVersion ? layouts : try SchemaReader(connection).tables()
        let twice = version == schemaVersion ? twiceChanged : try twiceChangedTables(among: tables)
        for table in tables where table.role == .ordinary {
            let isTwice = twice?.contains(table) ?? false
            let isWhole = layouts.indices.contains {
                layouts[$0] == table && (isTwiceChanged[$0] || !isTwice) && found.isSuperset(of: texts[$0])
            }
            if isWhole { continue }
            throw BatchError(
                .notUndoable, "the triggers that record table \(table.name) were dropped in a batch",
                hint: "leave TEMP triggers that begin with batchmgr_ where they are")
        }
    }

    /// SQLite says nothing about whose TEMP trigger fires first, and changes must be recorded in their order.
    /// - Throws: `ERR_DATA_NOT_UNDOABLE` naming a TEMP trigger of the host.
    private func requireOwnTriggersAlone() throws(BatchError) {
        let sql = """
            SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND NOT \(CaptureTriggers.isOwn) \
            AND lower(tbl_name) NOT IN (SELECT lower(name) FROM temp.sqlite_schema WHERE type <> 'trigger') LIMIT 1
            """
        guard let name = try connection.value(sql)?.string else { return }
        throw BatchError(
            .notUndoable, "TEMP trigger \(name) may change rows before the change that fires it is recorded",
            hint: "drop it for the length of the batch: DROP TRIGGER temp.\(SQLName.quote(name))")
    }

    /// A partial or computed unique index, a default that is computed, or a column that a BEFORE trigger set may have let REPLACE remove rows that nobody could foresee: such tables are
    /// counted whole.
    func requireWhole(_ ledger: Ledger) throws(BatchError) {
        guard token != nil, !recursion.seesReplaced else { return }
        let changed = sink.tables.filter { table in
            let layout = table.layout
            let isDoubtful = touched.doubtful.contains(layout.name)
            return table.isTouched
                && (unforeseen.contains(layout.name)
                    || layout.uniqueIndexes.contains { index in
                        index.isPartial || !index.isComputable
                            || isDoubtful && (index.columns.count > 1 || layout.isGenerated(index))
                    })
        }
        for name in changed.map(\.layout.name).uniqued() {
            guard let layout = try SchemaReader(connection).layout(named: name) else { continue }
            var expected = try ledger.state()?.tables[name] ?? TableDigest()
            // A table that was altered is captured once in each of its forms.
            for table in sink.tables where table.layout.name == name { expected += table.digest }
            guard try StateDigest.compute(layout, connection) != expected else { continue }
            throw BatchError(
                .notUndoable,
                "rows of table \(name) were replaced, or changed before the batch, in a way that cannot be recorded here",
                hint: "run the statement with the tool: \(command: "run --id NAME --sql SQL")")
        }
    }

    // MARK: Calls of the triggers

    /// - Returns: why the statement that calls must fail; nil when it need not.
    func take(
        _ call: Gateway.TriggerCall, _ values: UnsafeMutablePointer<OpaquePointer?>, count: Int
    ) -> BatchError? {
        // Every call begins with the token; others are none of ours.
        guard let token, count > 2, sink.failure == nil, sqlite3_value_int64(values[0]) == token else {
            return sink.failure
        }
        do throws(BatchError) {
            if sink.isBetween { try sink.resume() }
            switch call {
            case .record: try noteChange(values, count)
            case .candidate:
                let index = number(values, 1)
                guard let table = try table(index) else { break }
                if isTwiceChanged[index] {
                    try touched.touch(values, count, table, number: index)
                } else {
                    try candidates.note(values, count, table, index)
                }
            case .image: try noteImage(values, count)
            case .announcement:
                if let table = try table(number(values, 2)) { try touched.announce(values, count, table) }
            case .end:
                guard let table = try table(number(values, 2)) else { break }
                try noteChange(of: table)
                try touched.close(values, count, table)
            }
        } catch { sink.fail(error) }
        return sink.failure
    }

    private func number(_ values: UnsafeMutablePointer<OpaquePointer?>, _ index: Int) -> Int {
        Int(truncatingIfNeeded: sqlite3_value_int64(values[index]))
    }

    private func table(_ index: Int) throws(BatchError) -> CapturedTable? {
        guard layouts.indices.contains(index) else { return nil }
        let layout = layouts[index]
        if let lastTable, layoutNumber == sink.captured.layoutNumber, lastTable.layout.name == layout.name {
            return lastTable
        }
        lastTable = try sink.captured.table(of: layout)
        layoutNumber = sink.captured.layoutNumber
        return lastTable
    }

    /// A part of an image that is too wide for one call.
    private func noteImage(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) throws(BatchError) {
        guard count > 4, let table = try table(number(values, 2)) else { return }
        try read(values + 4, count - 4, table, from: number(values, 3), isNew: number(values, 1) == 1)
    }

    /// A row changed.
    private func noteChange(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) throws(BatchError) {
        guard count >= 5, let table = try table(number(values, 2)) else { return }
        let (kind, columns) = (UInt8(truncatingIfNeeded: number(values, 1)), table.columns.count)
        let (oldRowid, newRowid) = (sqlite3_value_int64(values[3]), sqlite3_value_int64(values[4]))
        if count > 5 {
            var next = values + 5
            if kind != ChangeChunk.Kind.insert {
                try read(next, columns, table, from: 0, isNew: false)
                next += columns
            }
            if kind != ChangeChunk.Kind.delete { try read(next, columns, table, from: 0, isNew: true) }
        }
        try noteChange(of: table)
        if kind != ChangeChunk.Kind.insert { sink.checkOld() }
        if !candidates.isEmpty { try candidates.settle(kind, table, number(values, 2), oldRowid, newRowid) }
        switch kind {
        case ChangeChunk.Kind.insert:
            sink.countInsert()
            sink.keepInsert(table, newRowid)
        case ChangeChunk.Kind.delete:
            sink.countDelete()
            sink.keepDelete(table, oldRowid)
        default:
            sink.countUpdate()
            sink.keepUpdate(table, oldRowid, newRowid, isWhole: true)
        }
    }

    private func noteChange(of table: CapturedTable) throws(BatchError) {
        sink.noteChange(of: table)
        if let name = modules.first(of: sink.statementWrites) { throw ModuleTables.refusal(name) }
    }

    private func read(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ table: CapturedTable, from start: Int,
        isNew: Bool
    ) throws(BatchError) {
        guard start >= 0, start + count <= table.columns.count else { throw StoredRows.unreadable(table) }
        if isNew {
            try read(values, count, table, from: start, into: &rows.pointee.new)
        } else {
            try read(values, count, table, from: start, into: &rows.pointee.old)
        }
    }

    private func read(
        _ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int, _ table: CapturedTable, from start: Int,
        into row: inout RowBuffer
    ) throws(BatchError) {
        if start == 0 { row.begin(columns: table.columns.count) }
        for position in 0..<count {
            guard let value = values[position] else { throw StoredRows.unreadable(table) }
            row.mark(start + position)
            _ = table.columns[start + position].append(value, isUTF16: isUTF16, to: &row.buffer)
        }
        row.mark(start + count)
    }
}

extension Gateway {
    /// For the functions that the TEMP triggers call, with the arguments of the call.
    public enum TriggerCall: String, CaseIterable, Sendable {
        case record = "batchmgr_record"
        case candidate = "batchmgr_candidate"
        case image = "batchmgr_image"
        case announcement = "batchmgr_announcement"
        case end = "batchmgr_end"
    }

    /// - Returns: why the statement that calls must fail; nil when it need not.
    public func take(_ call: TriggerCall, _ values: UnsafeMutablePointer<OpaquePointer?>, count: Int) -> BatchError? {
        (tap as? TriggerTap)?.take(call, values, count: count)
    }

    /// Takes away what records from the database, where that is in it.
    public func removeTriggers() { try? tap.remove() }

    /// Sets back what recording changed of the connection; triggers may stay, and then do nothing.
    public func restoreTriggerSetting() { tap.restoreSettings() }
}

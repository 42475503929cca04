public import BatchCore

/// A row that is not as the batch left it, so that undoing the batch would lose somebody else's change.
public struct UndoConflict: Hashable, Sendable {
    public enum Reason: String, Sendable {
        /// The row has other values now.
        case changed
        /// The row is gone.
        case missing
        /// A row has taken the key, or a unique value, that the undone row needs.
        case taken
        /// Later rows refer to it, or later batches changed it and left the same values.
        case touched
        /// The table reads differently, or is gone.
        case schema
    }

    /// The batch that is being undone.
    public let batch: String
    public let table: String
    public let key: RowKey?
    public let reason: Reason
    /// The row as the batch left it, as far as it is known: a hash in hexadecimal, or words.
    public let expected: String
    public let found: String
    /// Low half of the hash of the row as the batch left it; nil when the record does not have it.
    public var left: UInt64?
    /// True when the batch left a row with this key, so that its values may be found.
    public var leavesRow = false
    /// The row as the batch left it, where the record has its values.
    public var expectedRow: [Change.Field]?
    /// Of the table as the batch left it.
    public var layout: TableLayout?
    /// The row as it is now, where there is one.
    public let row: [Change.Field]?
    /// True when the row was put back nevertheless.
    public let isOverwritten: Bool

    public init(
        batch: String, table: String, key: RowKey?, reason: Reason, expected: String, found: String,
        row: [Change.Field]? = nil, isOverwritten: Bool = false
    ) {
        self.batch = batch
        self.table = table
        self.key = key
        self.reason = reason
        self.expected = expected
        self.found = found
        self.row = row
        self.isOverwritten = isOverwritten
    }
}

/// Rows by table and key.
public struct TouchedKeys: Sendable {
    private var keys: [String: KeyRuns] = [:]

    public init() {}

    mutating func insert(_ runs: KeyRuns, in table: String) {
        keys[table, default: KeyRuns()].formUnion(runs)
    }

    /// False when all of them were there already.
    mutating func insert(_ rows: [(table: String, key: UInt64)]) -> Bool {
        var isNew = false
        for row in rows where keys[row.table]?.contains(row.key) != true {
            var one = KeyRuns()
            one.insert(row.key)
            insert(one, in: row.table)
            isNew = true
        }
        return isNew
    }

    func contains(_ key: UInt64, in table: String) -> Bool { keys[table]?.contains(key) == true }
}

extension Ledger {
    /// Rows that a batch wrote after a checkpoint and that later live batches changed, or refer to.
    public func laterTouches(of checkpoints: [CheckpointRecord]) throws(BatchError) -> TouchedKeys {
        var touched = TouchedKeys()
        guard let first = checkpoints.map(\.id).min(), let batch = checkpoints.first?.batch else { return touched }
        let names = try relations()
        var own: [Int64: (all: KeyRuns, added: KeyRuns, removed: KeyRuns)] = [:]
        for checkpoint in checkpoints {
            for fact in try facts(of: checkpoint.id) where names[fact.relation]?.kind == .rows {
                var keys = own[fact.relation] ?? (KeyRuns(), KeyRuns(), KeyRuns())
                keys.all.formUnion(fact.keys)
                if fact.side == .added { keys.added.formUnion(fact.keys) }
                if fact.side == .removed { keys.removed.formUnion(fact.keys) }
                own[fact.relation] = keys
            }
        }
        for (relation, keys) in own {
            guard let table = names[relation]?.table else { continue }
            // A row that was there before will be there again, whoever refers to it.
            let new = keys.added.subtracting(keys.removed)
            for fact in try laterFacts(on: relation, after: first) where fact.batch != batch {
                switch fact.side {
                case .released: break
                case .referenced: touched.insert(new.intersection(fact.keys), in: table)
                default: touched.insert(keys.all.intersection(fact.keys), in: table)
                }
            }
        }
        return touched
    }
}

/// Rows that are not as the batch left them.
extension UndoRun {
    struct Problem {
        let reason: UndoConflict.Reason
        let found: String
        /// The row as it is now.
        var row: [SQLValue]?
        /// A step before this one found it already.
        var isListed = false
    }

    /// Looks before it changes anything; nil when the row is as the batch left it.
    func inspect(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ table: UndoTable, _ rowid: Int64
    ) throws(BatchError) -> Problem? {
        let key = try self.key(step, bytes, table.layout, rowid: rowid)
        let current = try read(key, table.layout)
        if isListed(key, table.layout) {
            return Problem(reason: .changed, found: "", row: current?.values, isListed: true)
        }
        // A later batch may have taken the number that the row had, while it has another one now.
        let recorded = rowid == step.rowid ? key : try self.key(step, bytes, table.layout, rowid: step.rowid)
        if [key, recorded].contains(where: {
            leaving.contains(UndoRun.name($0, table.layout).order, in: table.layout.name)
        }) {
            return Problem(reason: .touched, found: "a later batch needs the row", row: current?.values)
        }
        if step.operation == .delete {
            return current.map { Problem(reason: .taken, found: "a row with this key", row: $0.values) }
        }
        guard let current else { return Problem(reason: .missing, found: "no row") }
        if current.hash == step.left { return nil }
        return Problem(reason: .changed, found: "row hash \(Hex.string(current.hash))", row: current.values)
    }

    private func read(
        _ key: [SQLValue], _ layout: TableLayout
    ) throws(BatchError) -> (hash: UInt64, values: [SQLValue])? {
        let reader: TableRows
        if let known = readers[layout.name] {
            reader = known
        } else {
            reader = try TableRows(layout, on: connection)
            readers[layout.name] = reader
        }
        guard try reader.read(key, isUTF16: connection.isUTF16, into: &row) else { return nil }
        return (row.buffer.digest().low, try row.buffer.values(layout.storedColumns.count))
    }

    private func isListed(_ key: [SQLValue], _ layout: TableLayout) -> Bool {
        listed.contains(ListedRow(table: layout.name, key: UndoRun.name(key, layout)))
    }

    private static func name(_ key: [SQLValue], _ layout: TableLayout) -> RowKey {
        if case .integer(let rowid)? = key.first, !layout.isWithoutRowID { return .rowid(rowid) }
        return .values(key)
    }

    /// Leaves the row, or puts it back all the same.
    func settle(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ table: UndoTable, _ batch: String, _ rowid: Int64,
        _ problem: Problem
    ) throws(BatchError) {
        // An index of full text is undone as a whole.
        if case .shadow(let owner) = table.layout.role { throw virtualTables.refuseRows(of: owner) }
        guard mode == .overwriting, try overwrite(step, bytes, table, rowid, problem) else {
            return try note(step, bytes, table.layout, batch, problem, isOverwritten: false)
        }
        // A row that is gone, as it would be now, is no loss; but the table was not as the batch left it.
        if problem.reason == .missing {
            exemptTables.insert(table.layout.name)
            return
        }
        try note(step, bytes, table.layout, batch, problem, isOverwritten: true)
    }

    /// - Returns: false when what the log holds is not enough.
    private func overwrite(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ table: UndoTable, _ rowid: Int64, _ problem: Problem
    ) throws(BatchError) -> Bool {
        sink.expect(row: nil)
        do throws(BatchError) {
            switch (step.operation, problem.row) {
            case (.insert, nil): return true
            case (.insert, _): try table.delete(step, rowid: rowid, bytes)
            // Of an updated row the log holds the changed columns alone.
            case (.update, nil): return false
            case (.update, _):
                sink.expect(.mask(table.mask(of: step, bytes)))
                defer { sink.expect(.all) }
                try checked { () throws(BatchError) in try table.update(step, rowid: rowid, bytes) }
            default:
                if problem.row != nil { try table.remove(try key(step, bytes, table.layout, rowid: rowid)) }
                try table.insert(step, rowid: rowid, bytes)
            }
        } catch {
            guard error.code == .constraint, !connection.isAutocommit else { throw error }
            return false
        }
        if let failure = sink.failure { throw failure }
        renumbering.note(step, was: rowid, in: table.layout)
        return true
    }

    /// Columns of two batches meet in a row that nobody has written yet, so its table has to allow it. A CHECK whose
    /// functions only the application has is passed over.
    private func checked(_ update: () throws(BatchError) -> Void) throws(BatchError) {
        do throws(BatchError) {
            try connection.execute("PRAGMA ignore_check_constraints = OFF")
            defer { try? connection.execute("PRAGMA ignore_check_constraints = ON") }
            return try update()
        } catch {
            guard error.code == .sql else { throw error }
        }
        try update()
    }

    private func note(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout, _ batch: String, _ problem: Problem,
        isOverwritten: Bool
    ) throws(BatchError) {
        let values = try key(step, bytes, layout, rowid: step.rowid)
        let key = UndoRun.name(values, layout)
        let isNew = listed.insert(ListedRow(table: layout.name, key: key)).inserted
        if step.keyChanged {
            let old = try StepKeys(step, bytes, layout).before
            listed.insert(ListedRow(table: layout.name, key: old))
        }
        guard isNew, !problem.isListed else { return }
        let leavesRow = step.operation != .delete
        let left = leavesRow && !step.hidesLeft(now: problem.row) ? step.left : nil
        let hash = left.map { "row hash \(Hex.string($0))" } ?? "the row as the batch left it"
        var conflict = UndoConflict(
            batch: batch, table: layout.name, key: key, reason: problem.reason,
            expected: leavesRow ? hash : "no row with this key", found: problem.found,
            row: problem.row.map(layout.fields), isOverwritten: isOverwritten)
        conflict.left = left
        conflict.leavesRow = leavesRow
        conflict.layout = layout
        conflicts.append(conflict)
    }

    /// A conflict that the statement itself ran into, or that no row is at fault for.
    func conflict(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout, _ batch: String,
        _ reason: UndoConflict.Reason, _ found: String
    ) throws(BatchError) {
        if case .shadow(let owner) = layout.role { throw virtualTables.refuseRows(of: owner) }
        try note(
            step, bytes, layout, batch, Problem(reason: reason, found: found), isOverwritten: false)
        if mode == .strict {
            throw BatchError(
                .conflict, "a row of table \(layout.name) is not as batch \(batch) left it",
                hint: "see the rows: \(command: "rollback --id \(batch) --dry-run")")
        }
    }
}

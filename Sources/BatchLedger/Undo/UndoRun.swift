internal import BatchCore

/// Goes back over checkpoints inside an open transaction of the gateway.
///
/// The gateway records the undo like any other change, so a rollback can be undone itself. The check that a row still is
/// what the batch left costs nothing extra: the recorder hashes the row before each change anyway.
final class UndoRun {
    enum Mode {
        /// The first conflict ends the run.
        case strict
        /// Conflicting rows are left as they are and listed.
        case collecting
        /// Conflicting rows are put back and listed.
        case overwriting
    }

    let gateway: Gateway
    let connection: Connection
    let sink: ChangeSink
    private let schema: SchemaReader
    let mode: Mode
    private var tables: [String: UndoTable] = [:]
    /// The table of the last entry, by its number in the checkpoint.
    var current: (number: Int, table: UndoTable)?
    /// The layout of the log for which each of `tables` was made.
    private var checkedLayouts: [String: TableLayout] = [:]
    var readers: [String: TableRows] = [:]
    private var revealed: [HiddenRowidTable] = []
    var renumbering: RenumberedRows
    var virtualTables: VirtualTableUndo
    private var systemRows: SystemRowUndo
    var row = RowBuffer()
    let leaving: TouchedKeys
    /// Rows with a conflict: what the batch did to them before is left too.
    var listed: Set<ListedRow> = []

    struct ListedRow: Hashable {
        let table: String
        let key: RowKey
    }

    var conflicts: [UndoConflict] = []
    /// Tables whose digest need not return to what it was: their content is equal, their storage is not.
    var exemptTables: Set<String> = []

    /// - Parameters:
    ///   - virtual: virtual tables that are undone by their content.
    ///   - lastBeforeVacuum: see `RenumberedRows`.
    init(
        _ gateway: Gateway, mode: Mode, leaving: TouchedKeys, virtual: VirtualTableUndo, lastBeforeVacuum: Int64
    ) {
        self.gateway = gateway
        self.leaving = leaving
        self.mode = mode
        connection = gateway.connection
        sink = gateway.sink
        schema = SchemaReader(gateway.connection)
        renumbering = RenumberedRows(gateway.connection, lastBefore: lastBeforeVacuum)
        systemRows = SystemRowUndo(gateway.systemRows)
        virtualTables = virtual
    }

    /// Undoes one checkpoint. Call it for later checkpoints first.
    /// - Parameter copies: read instead of the ledger.
    func undo(
        _ checkpoint: CheckpointRecord, of batch: String, from copies: (any UndoBlockCopies)? = nil
    ) throws(BatchError) {
        renumbering.enter(checkpoint.id)
        try undoTrees(of: checkpoint.id, batch)
        let recorded = try gateway.ledger.changedTables(of: checkpoint.id)
        current = nil
        let count: Int64
        if let copies {
            count = Int64(try copies.blocks(of: checkpoint.number))
        } else {
            count = try gateway.ledger.undoBlockCount(checkpoint.id)
        }
        for number in stride(from: count - 1, through: 0, by: -1) {
            let (buffer, steps) = try decode(number, of: checkpoint, from: copies, recorded)
            for step in steps.reversed() { try undo(step, buffer.bytes, recorded, batch) }
            withExtendedLifetime(buffer) {}
        }
    }

    private func decode(
        _ number: Int64, of checkpoint: CheckpointRecord, from copies: (any UndoBlockCopies)?,
        _ recorded: [Int: RecordedTable]
    ) throws(BatchError) -> (ByteBuffer, [UndoStep]) {
        let copy = try copies?.block(Int(number), of: checkpoint.number)
        var isMissing = false
        do throws(BatchError) {
            let block: OpenUndoBlock?
            if let copy {
                block = try UndoBlock(encoded: copy).opened()
            } else {
                block = try gateway.ledger.openUndoBlock(checkpoint.id, number)
            }
            isMissing = block == nil
            if let block {
                let steps = try UndoBlockReader(bytes: block.buffer.bytes, tables: recorded).steps()
                if steps.count == block.entries { return (block.buffer, steps) }
            }
        } catch  where error.code != .corruptRecord { throw error } catch {}
        throw BatchError(
            .corruptRecord,
            "undo block \(number) of checkpoint \(checkpoint.number) is \(isMissing ? "missing" : "damaged")",
            hint: "see what else is damaged: \(command: "verify")")
    }

    /// Ends the run: puts everything back that was only changed for it.
    /// - Parameter expected: the state that the run must lead to, where nobody has changed anything since; nil when rows
    ///   alone were brought back.
    func finish(expecting expected: StateDigest?) throws(BatchError) {
        sink.expect(row: nil)
        try hideTables()
        try systemRows.finish(connection, expected: expected?.tables)
        try virtualTables.finish(connection)
        try gateway.flushVirtualTables()
        // The content is equal; how the module keeps it is its own business.
        for track in sink.tables {
            if case .shadow(let owner) = track.layout.role, virtualTables.isLogical(owner) {
                exemptTables.insert(track.layout.name)
            }
        }
    }

    func undo(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ recorded: [Int: RecordedTable], _ batch: String
    ) throws(BatchError) {
        if step.operation == .schema {
            try undoSchema(step, bytes, batch)
            return
        }
        if let current, current.number == step.table { return try apply(step, bytes, current.table, batch) }
        guard let table = recorded[step.table] else { throw Ledger.damaged("batchmgr_changes") }
        let layout = table.layout
        if layout.role == .system {
            if try systemRows.undo(step, bytes, layout) { return }
            exemptTables.insert(layout.name)
            return
        }
        if case .shadow(let owner) = layout.role, virtualTables.isLogical(owner) {
            guard try statements(layout) != nil else { return try leave(step, bytes, layout, of: owner, batch) }
            try virtualTables.undo(step, bytes, layout, owner: owner, connection)
            exemptTables.insert(layout.name)
            return
        }
        guard let statements = try statements(layout) else {
            return try conflict(step, bytes, layout, batch, .schema, "another layout of the table")
        }
        current = (step.table, statements)
        try apply(step, bytes, statements, batch)
    }

    /// Leaves a row of a virtual table that is gone, or has other columns now.
    private func leave(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout, of owner: String, _ batch: String
    ) throws(BatchError) {
        if mode == .strict { return try conflict(step, bytes, layout, batch, .schema, "another layout of the table") }
        exemptTables.insert(layout.name)
        // A full text has one row there for each of its own, and so has an R*Tree. The other tables are the module's.
        guard ["_content", "_rowid"].contains(String(layout.name.dropFirst(owner.count))) else { return }
        conflicts.append(
            UndoConflict(
                batch: batch, table: owner, key: .rowid(step.rowid), reason: .schema,
                expected: step.operation == .delete ? "no row with this key" : "the row as the batch left it",
                found: "another layout of the table"))
    }

    // MARK: Rows

    private func apply(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ table: UndoTable, _ batch: String
    ) throws(BatchError) {
        let rowid = try renumbering.current(step, in: table.layout)
        if mode != .strict {
            if let problem = try inspect(step, bytes, table, rowid) {
                return try settle(step, bytes, table, batch, rowid, problem)
            }
        }
        sink.expect(row: step.operation == .delete ? nil : step.left)
        let calls = sink.changeNumber
        if step.operation == .update { sink.expect(.mask(table.mask(of: step, bytes))) }
        defer { sink.expect(.all) }
        do throws(BatchError) {
            switch step.operation {
            case .insert: try table.delete(step, rowid: rowid, bytes)
            case .update: try table.update(step, rowid: rowid, bytes)
            default: try table.insert(step, rowid: rowid, bytes)
            }
        } catch {
            guard error.code == .constraint, !connection.isAutocommit else { throw error }
            return try conflict(step, bytes, table.layout, batch, .taken, error.message)
        }
        if let failure = sink.failure { throw failure }
        if sink.changeNumber == calls { return try conflict(step, bytes, table.layout, batch, .missing, "no row") }
        if !sink.isExpectationMet { return try conflict(step, bytes, table.layout, batch, .changed, "other values") }
        renumbering.note(step, was: rowid, in: table.layout)
    }

    func key(
        _ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout, rowid: Int64
    ) throws(BatchError) -> [SQLValue] {
        guard case .primaryKey(let positions) = layout.key else { return [.integer(rowid)] }
        if step.operation != .delete {
            var reader = ByteReader(bytes, at: step.keyOffset)
            return try reader.values(positions.count)
        }
        var reader = ByteReader(bytes, at: step.imageOffset)
        let stored = layout.storedColumns
        let values = try reader.values(stored.count)
        return positions.compactMap { stored.firstIndex(of: $0).map { values[$0] } }
    }

    // MARK: Tables

    private func hideTables() throws(BatchError) {
        // A change that is still to be read needs the names of now.
        try gateway.settle()
        tables = [:]
        current = nil
        readers = [:]
        for table in revealed.reversed() {
            try table.hide(connection)
            sink.captured.record(table.layout.name, as: nil)
        }
        if !revealed.isEmpty { sink.captured.forgetLayouts() }
        revealed = []
    }

    /// Nil when the table is gone or its rows have another form now.
    private func statements(_ recorded: TableLayout) throws(BatchError) -> UndoTable? {
        if let known = tables[recorded.name] {
            if checkedLayouts[recorded.name] == recorded { return known }
            tables[recorded.name] = nil
        }
        for table in revealed where table.layout.name == recorded.name {
            try hideTables()
            break
        }
        guard var layout = try schema.layout(named: recorded.name), layout.holdsSameRows(as: recorded) else {
            return nil
        }
        if var hidden = HiddenRowidTable(layout) {
            layout = try hidden.reveal(connection)
            revealed.append(hidden)
            sink.captured.record(recorded.name, as: hidden.layout)
            sink.captured.forgetLayouts()
        }
        let table = UndoTable(layout, on: connection)
        tables[recorded.name] = table
        checkedLayouts[recorded.name] = recorded
        return table
    }

    private func undoSchema(_ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ batch: String) throws(BatchError) {
        var reader = ByteReader(bytes, at: step.imageOffset)
        let change = try SchemaChange(from: &reader)
        try hideTables()
        if let problem = try SchemaUndo(gateway).undo(change) {
            conflicts.append(
                UndoConflict(
                    batch: batch, table: problem.table, key: nil, reason: .schema, expected: problem.expected,
                    found: problem.found))
            throw BatchError(
                .schemaChanged, "\(problem.table): expected \(problem.expected), found \(problem.found)",
                hint: "see who changed it: \(command: "list")")
        }
    }
}

/// The records that a run goes back by.
extension UndoRun {
    /// Undoes what a restore point serves for. Call it for later points first.
    func undo(_ part: UndoPart) throws(BatchError) {
        switch part {
        case .whole(let run): try undo(run)
        case .some(let run):
            for checkpoint in run.checkpoints { try undo(checkpoint, of: run.batch, from: run.blocks) }
        }
    }

    /// Undoes a run of checkpoints by what it did in the end.
    private func undo(_ run: NetRun) throws(BatchError) {
        renumbering.enter(run.lastCheckpoint)
        try undoTrees(of: run.lastCheckpoint, run.batch)
        current = nil
        try NetUndo(run.changes, connection) { (step, bytes, tables) throws(BatchError) in
            try self.undo(step, bytes, tables, run.batch)
        }.run()
        current = nil
    }

    func undoTrees(of checkpoint: Int64, _ batch: String) throws(BatchError) {
        let conflicts = try virtualTables.undoTrees(of: checkpoint, batch, connection)
        self.conflicts += conflicts
        guard mode == .strict, let first = conflicts.first else { return }
        throw BatchError(
            .conflict, "a row of table \(first.table) is not as batch \(batch) left it",
            hint: "see the rows: \(command: "rollback --id \(batch) --dry-run")")
    }
}

public import BatchCore

/// The net changes of a run of checkpoints, from the undo log.
///
/// The log is gone through backward, beginning with the rows as they are now: what a row was before the last change
/// follows from what it is after it. Checkpoints that came later are gone through too, so that a diff of an old batch
/// is exact while later batches live on.
public final class BatchChanges: ChangeSource {
    private let ledger: Ledger
    private let connection: Connection
    private let checkpoints: [Int64]
    private let later: [Int64]
    private let isChecked: Bool
    public let tables: [ChangedTable]
    /// Rows held in memory at a time.
    private static let window = 20_000
    /// Both copies of a restore point and its words need the changes: those of small batches are kept.
    private var known: [String: [RowChange]] = [:]
    private static let mostKept = 20_000
    /// Those of larger batches go to a file, where there is a folder for it.
    private var spools: [String: ChangeSpool] = [:]
    private let spillFolder: String?
    /// Which keys each block of the log holds of the table that is being read: a window skips the other blocks.
    private var ranges: [BlockID: ClosedRange<UInt64>] = [:]

    private struct BlockID: Hashable {
        let checkpoint: Int64
        let number: Int64
    }

    /// - Parameters:
    ///   - checkpoints: ids in commit order, all of one run.
    ///   - spillFolder: where many changes wait that are read more than once; nil to work them out each time.
    ///   - isChecked: make sure that each row is what the log says it was left as; reading them throws
    ///     `ERR_DATA_CONFLICT` when somebody has changed one outside any batch.
    public init(
        _ ledger: Ledger, checkpoints: [Int64], spillFolder: String? = nil, isChecked: Bool = false
    ) throws(BatchError) {
        self.isChecked = isChecked
        self.ledger = ledger
        self.spillFolder = spillFolder
        connection = ledger.connection
        self.checkpoints = checkpoints
        let last = checkpoints.last ?? 0
        later = try ledger.connection.rows(
            "SELECT id FROM main.batchmgr_checkpoints WHERE id > ? ORDER BY id", [.integer(last)]
        )
        .compactMap { $0[0].integer }
        tables = try BatchChanges.changedTables(ledger, checkpoints)
    }

    private static func changedTables(_ ledger: Ledger, _ checkpoints: [Int64]) throws(BatchError) -> [ChangedTable] {
        var layouts: [String: TableLayout] = [:]
        var rewritten: Set<String> = []
        for checkpoint in checkpoints {
            let recorded = try ledger.changedTables(of: checkpoint)
            for (_, table) in recorded.sorted(by: { $0.key < $1.key }) where layouts[table.layout.name] == nil {
                layouts[table.layout.name] = table.layout
            }
            rewritten.formUnion(try ledger.rewrittenTables(in: checkpoint))
        }
        let reader = SchemaReader(ledger.connection)
        var tables: [ChangedTable] = []
        for name in Set(layouts.keys).union(rewritten).sorted() {
            // SQLite finds a table by its name in other letters too: t may have become T.
            let found = try reader.layout(named: name)
            let now = found?.name == name ? found : nil
            let isRewritten = rewritten.contains(name)
            if layouts[name] == nil && now == nil { continue }
            tables.append(
                ChangedTable(before: layouts[name], after: isRewritten ? now : layouts[name], isRewritten: isRewritten))
        }
        return tables
    }

    public func forEachChange(
        of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        try forEachTouchedRow(of: table) { (row) throws(BatchError) in if row.before != row.after { try body(row) } }
    }

    /// Also rows that were changed and are as they were before.
    func forEachTouchedRow(
        of table: ChangedTable, _ body: (RowChange) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let layout = table.before, !table.isRewritten else { return }
        if let changes = known[table.name] {
            for change in changes { try body(change) }
            return
        }
        if let spool = spools[table.name] { return try spool.forEach(body) }
        if isChecked { try requireSameTable(table.name) }
        let (keys, movesKeys) = try touchedKeys(layout)
        // A row that changed its key belongs to two places of the order, so such a table is read in one go.
        let windows = keys.windows(of: movesKeys ? .max : UInt64(BatchChanges.window))
        let spool =
            windows.count > 1
            ? try spillFolder.map { (folder) throws(BatchError) in
                try ChangeSpool(layout, folder: folder)
            } : nil
        try connection.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            for window in windows {
                var rewind = try rewind(visible, layout, window, [])
                if rewind.hasLostRow {
                    rewind = try self.rewind(visible, layout, window, try laterKeys(of: layout, in: window))
                }
                rewind.beginRun()
                try goBack(through: checkpoints, layout, &rewind, within: movesKeys ? nil : window)
                let touched = rewind.touchedRows()
                if windows.count == 1, touched.count <= BatchChanges.mostKept { known[table.name] = touched }
                for change in touched {
                    try spool?.append(change)
                    try body(change)
                }
            }
        }
        try spool?.close()
        spools[table.name] = spool
    }

    /// Rows of now say nothing of those that the table had before it was made anew.
    private func requireSameTable(_ table: String) throws(BatchError) {
        for checkpoint in later where try ledger.hasRemade(table, in: checkpoint) {
            throw BatchError(
                .schemaChanged, "table \(table) was recreated, altered or dropped since",
                hint: "see the rows with the tool, which has restore points: \(command: "diff --id BATCH")")
        }
    }

    public func forEachUndoBlock(_ body: (UndoBlockCopy) throws(BatchError) -> Void) throws(BatchError) {
        if checkpoints.count < 2 { return }
        for id in checkpoints {
            guard let checkpoint = try ledger.checkpoints(where: "id = ?", [.integer(id)]).first else { continue }
            for number in 0..<(try ledger.undoBlockCount(id)) {
                guard let block = try ledger.undoBlock(id, number) else { throw Ledger.damaged("batchmgr_undo") }
                try body(UndoBlockCopy(checkpoint: checkpoint.number, number: Int(number), bytes: block.encoded))
            }
        }
    }

    /// Rows of a window as they were when the run ended.
    private func rewind(
        _ visible: TableLayout, _ layout: TableLayout, _ window: ClosedRange<UInt64>, _ followed: Set<RowKey>
    ) throws(BatchError) -> RowRewind {
        var rewind = try RowRewind(
            visible, name: layout.name, on: connection, window: window, isChecked: isChecked, following: followed)
        try goBack(through: later, layout, &rewind, within: nil)
        return rewind
    }

    /// The keys that rows of a window got after the run.
    private func laterKeys(of layout: TableLayout, in window: ClosedRange<UInt64>) throws(BatchError) -> Set<RowKey> {
        var moves: [StepKeys] = []
        for checkpoint in later.reversed() {
            try steps(of: checkpoint, of: layout, within: nil) { (step, bytes, _) throws(BatchError) in
                if step.keyChanged { moves.append(try StepKeys(step, bytes, layout)) }
            }
        }
        var keys: Set<RowKey> = []
        for move in moves.reversed() where window.contains(move.before.order) || keys.contains(move.before) {
            keys.insert(move.after)
        }
        return keys
    }

    private func goBack(
        through checkpoints: [Int64], _ layout: TableLayout, _ rewind: inout RowRewind,
        within window: ClosedRange<UInt64>?
    ) throws(BatchError) {
        for checkpoint in checkpoints.reversed() {
            try steps(of: checkpoint, of: layout, within: window) { (step, bytes, _) throws(BatchError) in
                try rewind.goBack(step, bytes)
            }
        }
    }

    /// The places of all touched rows in the order of keys, each once, and whether a row changed its key.
    private func touchedKeys(_ layout: TableLayout) throws(BatchError) -> (KeyRuns, Bool) {
        var runs = KeyRuns()
        var movesKeys = false
        ranges = [:]
        for checkpoint in checkpoints {
            try steps(of: checkpoint, of: layout, within: nil) { (step, bytes, block) throws(BatchError) in
                movesKeys = movesKeys || step.keyChanged
                let keys = try StepKeys(step, bytes, layout)
                let order = keys.after.order
                runs.insert(order)
                if step.keyChanged { runs.insert(keys.before.order) }
                let range = ranges[block] ?? order...order
                ranges[block] = min(range.lowerBound, order)...max(range.upperBound, order)
            }
        }
        runs.compact()
        return (runs, movesKeys)
    }

    /// Calls `body` for the entries of one table, the last first.
    /// - Parameter window: keys that are wanted; blocks that are known to hold none of them are left out.
    private func steps(
        of checkpoint: Int64, of layout: TableLayout, within window: ClosedRange<UInt64>?,
        _ body: (UndoStep, UnsafeRawBufferPointer, BlockID) throws(BatchError) -> Void
    ) throws(BatchError) {
        try ledger.forEachStep(of: checkpoint, in: layout) { (number) in
            window.map { ranges[BlockID(checkpoint: checkpoint, number: number)]?.overlaps($0) == true } ?? true
        } _: { (step, bytes, number) throws(BatchError) in
            try body(step, bytes, BlockID(checkpoint: checkpoint, number: number))
        }
    }
}

extension Ledger {
    /// Calls `body` for the entries of one table in the undo log of a checkpoint, the last first.
    /// - Parameter wants: tells by its number whether a block is to be read.
    /// - Throws: `ERR_DATA_SCHEMA_CHANGED` when the table had another layout then.
    func forEachStep(
        of checkpoint: Int64, in layout: TableLayout, wants: (Int64) -> Bool = { _ in true },
        _ body: (UndoStep, UnsafeRawBufferPointer, Int64) throws(BatchError) -> Void
    ) throws(BatchError) {
        let recorded = try changedTables(of: checkpoint)
        let numbers = Set(recorded.filter { $0.value.layout.name == layout.name }.keys)
        if numbers.isEmpty { return }
        let strangers = numbers.filter { recorded[$0]?.layout.holdsSameRows(as: layout) != true }
        for number in stride(from: try undoBlockCount(checkpoint) - 1, through: 0, by: -1) where wants(number) {
            guard let block = try openUndoBlock(checkpoint, number) else { throw Ledger.damaged("batchmgr_undo") }
            let buffer = block.buffer
            let steps = try UndoBlockReader(bytes: buffer.bytes, tables: recorded).steps()
            for step in steps.reversed() where numbers.contains(step.table) {
                guard !strangers.contains(step.table) else {
                    throw BatchError(
                        .schemaChanged, "table \(layout.name) has had another layout since",
                        hint: "see the points around it: \(command: "points")")
                }
                try body(step, buffer.bytes, number)
            }
            withExtendedLifetime(buffer) {}
        }
    }
}

extension Ledger {
    /// True when rows of a table were made anew by a change of its definition, or went with it.
    func hasRemade(_ table: String, in checkpoint: Int64) throws(BatchError) -> Bool {
        guard try rewrittenTables(in: checkpoint).contains(table) else { return false }
        let recorded = try changedTables(of: checkpoint)
        for number in 0..<(try undoBlockCount(checkpoint)) {
            guard let block = try openUndoBlock(checkpoint, number) else { throw Ledger.damaged("batchmgr_undo") }
            let buffer = block.buffer
            defer { withExtendedLifetime(buffer) {} }
            for step in try UndoBlockReader(bytes: buffer.bytes, tables: recorded).steps() {
                guard let change = try LogWalk.change(step, buffer.bytes) else { continue }
                let isGone = change.before.contains { $0.name == table } && !change.after.contains { $0.name == table }
                if isGone || change.digests[table] != nil { return true }
            }
        }
        return false
    }

    /// Objects that a statement of a checkpoint dropped or gave another name, also when a later one made them anew.
    public func droppedObjects(in checkpoint: Int64) throws(BatchError) -> [SchemaObject] {
        let recorded = try changedTables(of: checkpoint)
        var gone: [SchemaObject] = []
        for number in 0..<(try undoBlockCount(checkpoint)) {
            guard let block = try openUndoBlock(checkpoint, number) else { throw Ledger.damaged("batchmgr_undo") }
            let buffer = block.buffer
            defer { withExtendedLifetime(buffer) {} }
            for step in try UndoBlockReader(bytes: buffer.bytes, tables: recorded).steps() {
                guard let change = try LogWalk.change(step, buffer.bytes) else { continue }
                gone += change.before.filter { old in
                    !old.isSetting && !change.after.contains { $0.type == old.type && $0.name == old.name }
                }
            }
        }
        return gone
    }

    /// Tables that a checkpoint created, dropped or altered.
    func rewrittenTables(in checkpoint: Int64) throws(BatchError) -> Set<String> {
        let sql = """
            SELECT r.table_name FROM main.batchmgr_facts f JOIN main.batchmgr_relations r ON r.id = f.relation \
            WHERE f.checkpoint = ? AND f.side = ? AND r.kind = 'definition'
            """
        // A table that an index or a view of the checkpoint merely refers to has the rows that it had.
        let names = try connection.rows(sql, [.integer(checkpoint), .integer(FactSide.changed.rawValue)]).compactMap {
            $0[0].string
        }
        return Set(
            names.filter { name in !["index ", "view ", "trigger ", "setting "].contains { name.hasPrefix($0) } })
    }
}

internal import BatchCore

/// Undoes an R*Tree through the virtual table, row by row.
struct TreeUndo {
    private let owner: String
    private let names: [String]
    /// The same, quoted.
    private let columns: [String]
    /// By the checkpoint, or the last one of the run.
    private let changes: [Int64: TreeChanges]

    /// Reads what the checkpoints did, before anything of it is undone.
    init(
        _ tree: TreeShape, _ ledger: Ledger, checkpoints: [Int64], _ record: UndoRecord
    ) throws(BatchError) {
        owner = tree.owner
        names = tree.columns
        columns = tree.columns.map(SQLName.quote)
        var changes: [Int64: TreeChanges] = [:]
        switch record {
        case .log:
            for checkpoint in checkpoints {
                changes[checkpoint] = try TreeChanges(tree, ledger, checkpoint: checkpoint)
            }
        case .points(let parts):
            for part in parts {
                guard case .whole(let run) = part else { throw TreeUndo.needsAll(part, tree) }
                changes[run.lastCheckpoint] = try TreeChanges(tree, run.changes)
            }
        }
        self.changes = changes
    }

    /// The copies of an undo log do not say what the nodes were that it begins from.
    private static func needsAll(_ part: UndoPart, _ tree: TreeShape) -> BatchError {
        guard case .some(let run) = part else { return Ledger.damaged("batchmgr_undo") }
        return BatchError(
            .noRestorePoint,
            "a later batch wrote to the R*Tree \(tree.owner): from its restore point \(run.batch) can be undone as a whole alone",
            hint: "undo the later batches too: batchmgr rollback --id \(run.batch) --mode cascade")
    }

    private func fields(_ id: Int64, _ row: [SQLValue]) -> [Change.Field] {
        zip(names, [.integer(id)] + row).map { Change.Field($0, $1) }
    }

    /// The rows that are not as the batch left them; those are not touched.
    func undo(_ checkpoint: Int64, _ batch: String, _ connection: Connection) throws(BatchError) -> [UndoConflict] {
        var conflicts: [UndoConflict] = []
        let table = "main.\(SQLName.quote(owner))"
        for change in changes[checkpoint]?.changes ?? [] {
            let now = try connection.rows(
                "SELECT \(columns.dropFirst().joined(separator: ", ")) FROM \(table) WHERE \(columns[0]) = ?",
                [.integer(change.id)]
            ).first
            guard now == change.after else {
                var conflict = UndoConflict(
                    batch: batch, table: owner, key: .rowid(change.id),
                    reason: now == nil ? .missing : change.after == nil ? .taken : .changed,
                    expected: change.after == nil ? "no row with this key" : "the row as the batch left it",
                    found: now == nil ? "no row" : "other values", row: now.map { fields(change.id, $0) })
                conflict.expectedRow = change.after.map { fields(change.id, $0) }
                conflicts.append(conflict)
                continue
            }
            if now != nil { try connection.run("DELETE FROM \(table) WHERE \(columns[0]) = ?", [.integer(change.id)]) }
            guard let before = change.before else { continue }
            let marks = columns.map { _ in "?" }.joined(separator: ", ")
            try connection.run(
                "INSERT INTO \(table)(\(columns.joined(separator: ", "))) VALUES(\(marks))",
                [.integer(change.id)] + before)
        }
        return conflicts
    }
}

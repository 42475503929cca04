internal import BatchCore

/// Undoes an R*Tree through the virtual table, row by row.
struct TreeUndo {
    private let owner: String
    private let columns: [String]
    private let changes: [Int64: TreeChanges]

    /// Reads what the checkpoints did, before anything of it is undone.
    init(_ owner: String, isInteger: Bool, _ ledger: Ledger, checkpoints: [Int64]) throws(BatchError) {
        self.owner = owner
        columns = try ledger.connection.rows(
            "SELECT name FROM pragma_table_info(?, 'main') ORDER BY cid", [.string(owner)]
        ).map { SQLName.quote($0[0].string ?? "") }
        var changes: [Int64: TreeChanges] = [:]
        for checkpoint in checkpoints {
            changes[checkpoint] = try TreeChanges(
                owner, columns: columns.count, isInteger: isInteger, ledger, checkpoint: checkpoint)
        }
        self.changes = changes
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
                conflicts.append(
                    UndoConflict(
                        batch: batch, table: owner, key: .rowid(change.id),
                        reason: now == nil ? .missing : change.after == nil ? .taken : .changed,
                        expected: change.after == nil ? "no row with this key" : "the row as the batch left it",
                        found: now == nil ? "no row" : "other values"))
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

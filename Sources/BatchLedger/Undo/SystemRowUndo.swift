internal import BatchCore

/// Takes back a row of `sqlite_sequence` or of the statistics, when nobody has changed it since. A counter that has
/// moved on is left alone: that is no conflict.
struct SystemRowUndo {
    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    /// False when the row has moved on.
    func undo(_ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout) throws(BatchError) -> Bool {
        let rows = try SystemTables.rows(layout.name, connection)
        let now = rows[step.rowid]
        let left = step.operation == .delete ? nil : step.left
        guard now.map({ RowCodec.hash($0).low }) == left else { return false }
        let names = layout.columns.map { SQLName.quote($0.name) }
        switch step.operation {
        case .insert: try connection.run("DELETE FROM main.\(layout.name) WHERE rowid = ?", [.integer(step.rowid)])
        case .delete:
            var reader = ByteReader(bytes, at: step.imageOffset)
            let marks = names.map { _ in "?" }.joined(separator: ", ")
            try connection.run(
                "INSERT INTO main.\(layout.name)(rowid, \(names.joined(separator: ", "))) VALUES(?, \(marks))",
                [.integer(step.rowid)] + (try reader.values(names.count)))
        default:
            var reader = ByteReader(bytes, at: step.imageOffset + (names.count + 7) / 8)
            let terms = names.map { "\($0) = ?" }.joined(separator: ", ")
            try connection.run(
                "UPDATE main.\(layout.name) SET \(terms) WHERE rowid = ?",
                (try reader.values(names.count)) + [.integer(step.rowid)])
        }
        return true
    }
}

internal import BatchCore
internal import BatchLedger

/// The rows of a step's `for_each` query, kept in the ledger from the start of the step to its end.
///
/// The query is run once: were it run again after a stop, the rows that are done might be missing from its answer, and
/// a position in it would mean another row.
struct Worklist {
    let columns: [String]
    let count: Int
    private let ledger: Ledger
    private let batch: Int64
    private let step: String

    private static let rowsInPart = 4_096

    /// Runs the query and keeps its rows. Call it in the transaction of the first chunk.
    static func create(_ step: StepRun) throws(BatchError) -> Worklist {
        let (gateway, batch, id) = (step.gateway, step.run.batch.seq, step.definition.id)
        let prepared = try step.prepare(query: step.definition.forEach ?? "", "for_each of step")
        let columns = (0..<prepared.statement.columnCount).map { prepared.statement.columnName($0) }
        var writer = Writer(ledger: gateway.ledger, batch: batch, step: id)
        try writer.append(columns.map(SQLValue.string))
        try writer.flush()
        try gateway.run(prepared, step.bindings) { (row) throws(BatchError) in try writer.append(row.values) }
        try writer.flush()
        return Worklist(
            columns: columns, count: writer.total - 1, ledger: gateway.ledger, batch: batch, step: id)
    }

    /// Nil when the step has not begun.
    static func load(_ ledger: Ledger, batch: Int64, step: String) throws(BatchError) -> Worklist? {
        let counts = try ledger.connection.rows(
            "SELECT part, items FROM main.batchmgr_worklists WHERE batch = ? AND step = ? ORDER BY part",
            [.integer(batch), .string(step)])
        guard let first = counts.first, first[0].integer == 0 else { return nil }
        var list = Worklist(columns: [], count: 0, ledger: ledger, batch: batch, step: step)
        let columns = try list.part(0).first?.compactMap(\.string) ?? []
        let items = counts.dropFirst().compactMap { $0[1].integer }.reduce(0, +)
        list = Worklist(columns: columns, count: Int(items), ledger: ledger, batch: batch, step: step)
        return list
    }

    static func remove(_ ledger: Ledger, batch: Int64, step: String) throws(BatchError) {
        try ledger.connection.run(
            "DELETE FROM main.batchmgr_worklists WHERE batch = ? AND step = ?", [.integer(batch), .string(step)])
    }

    /// Calls `body` for the items from `start` up to `end`, with their values by column.
    func forEach(
        from start: Int, to end: Int, _ body: ([String: SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        var position = start
        while position < end {
            let rows = try part(1 + position / Worklist.rowsInPart)
            let offset = position % Worklist.rowsInPart
            guard offset < rows.count else { throw Worklist.damaged }
            for row in rows[offset..<min(rows.count, offset + end - position)] {
                try body(Dictionary(zip(columns, row)) { first, _ in first })
                position += 1
            }
        }
    }

    private func part(_ number: Int) throws(BatchError) -> [[SQLValue]] {
        let row = try ledger.connection.rows(
            "SELECT items, data FROM main.batchmgr_worklists WHERE batch = ? AND step = ? AND part = ?",
            [.integer(batch), .string(step), .integer(Int64(number))]
        ).first
        guard let row, let items = row[0].integer, let data = row[1].bytes else { throw Worklist.damaged }
        return try data.reading { (reader) throws(BatchError) in
            var rows: [[SQLValue]] = []
            for _ in 0..<items { rows.append(try reader.values(try reader.count())) }
            return rows
        }
    }

    private static var damaged: BatchError {
        BatchError(
            .corruptLedger, "the worklist of a step cannot be read", hint: "see what is damaged: \(command: "verify")")
    }

    private struct Writer {
        let ledger: Ledger
        let batch: Int64
        let step: String
        var total = 0
        private var part = 0
        private var items = 0
        private var buffer = ByteBuffer()

        init(ledger: Ledger, batch: Int64, step: String) {
            self.ledger = ledger
            self.batch = batch
            self.step = step
        }

        mutating func append(_ row: [SQLValue]) throws(BatchError) {
            buffer.appendVarint(UInt64(row.count))
            RowCodec.encode(row, into: &buffer)
            items += 1
            total += 1
            if items == Worklist.rowsInPart { try flush() }
        }

        mutating func flush() throws(BatchError) {
            guard items > 0 else { return }
            try ledger.connection.run(
                "INSERT OR REPLACE INTO main.batchmgr_worklists VALUES(?, ?, ?, ?, ?)",
                [
                    .integer(batch), .string(step), .integer(Int64(part)), .integer(Int64(items)),
                    .blob(buffer.array),
                ])
            part += 1
            items = 0
            buffer.removeAll()
        }
    }
}

internal import BatchCore
internal import BatchLedger

/// The tables that show what happened to rows: one row for each value that changed.
extension TableFunction {
    static let changes = TableFunction(
        name: "batch_changes", columns: ["operation", "table", "key", "column", "before", "after"],
        parameters: ["batch"]
    ) { (host, arguments) throws(BatchError) in
        let batch = try host.batch(arguments[0])
        let ledger = try Ledger(host.connection)
        let changes = try BatchChanges(
            ledger, checkpoints: try ledger.checkpoints(of: batch.seq).map(\.id), isChecked: true)
        let reader = ChangeReader(changes, folder: host.temporaryFolder)
        var waiting: ArraySlice<[SQLValue]> = []
        return { () throws(BatchError) in
            while true {
                if let row = waiting.popFirst() { return row }
                guard let (table, change) = try reader.next() else { return nil }
                waiting = values(of: change, in: table)[...]
            }
        }
    }

    private static func values(of change: RowChange?, in table: ChangedTable) -> [[SQLValue]] {
        let name = SQLValue.string(table.name)
        guard let change, let layout = table.before ?? table.after else {
            return [[.string("definition"), name, .null, .null, .null, .null]]
        }
        return fields(layout, change.before, change.after).map { field in
            [.string(field.operation), name, change.key.value, field.column, field.before, field.after]
        }
    }

    /// The columns that a change gave another value; of a new or deleted row all that are not NULL.
    private static func fields(
        _ layout: TableLayout, _ before: [SQLValue]?, _ after: [SQLValue]?
    ) -> [(operation: String, column: SQLValue, before: SQLValue, after: SQLValue)] {
        let operation: Change.Operation = before == nil ? .insert : after == nil ? .delete : .update
        var fields: [(operation: String, column: SQLValue, before: SQLValue, after: SQLValue)] = []
        for (position, column) in layout.storedColumns.enumerated() {
            let old = before.flatMap { $0.indices.contains(position) ? $0[position] : nil } ?? .null
            let new = after.flatMap { $0.indices.contains(position) ? $0[position] : nil } ?? .null
            if old != new { fields.append((operation.rawValue, .string(layout.columns[column].name), old, new)) }
        }
        // A row of nothing but NULL came or went.
        return fields.isEmpty ? [(operation.rawValue, .null, .null, .null)] : fields
    }

    static let rowHistory = TableFunction(
        name: "batch_row_history",
        columns: ["batch", "checkpoint", "committed_at", "actor", "operation", "column", "before", "after"],
        parameters: ["table", "key"]
    ) { (host, arguments) throws(BatchError) in
        let layout = try host.layout(named: arguments[0])
        let ledger = try Ledger(host.connection)
        guard try ledger.exists() else { return { nil } }
        let found = try RowLookup(connection: host.connection, layout: layout)
            .find(try TableArgument.key(arguments[1]))
        let history = try RowHistory(ledger, of: found.key, in: layout, row: found.row) { _, _ in nil }
        var rows: [[SQLValue]] = []
        for version in history.versions {
            let head = try version.checkpoint.map { (id) throws(BatchError) in try writer(id, ledger) } ?? nil
            for field in fields(layout, version.before, version.after) {
                rows.append(
                    (head ?? Array(repeating: .null, count: 4))
                        + [.string(field.operation), field.column, field.before, field.after])
            }
        }
        var left = rows[...]
        return { left.popFirst() }
    }

    /// Batch, number of the checkpoint, time and actor.
    private static func writer(_ checkpoint: Int64, _ ledger: Ledger) throws(BatchError) -> [SQLValue]? {
        guard let record = try ledger.checkpoints(where: "id = ?", [.integer(checkpoint)]).first,
            let batch = try ledger.batch(seq: record.batch)
        else { return nil }
        return [
            .string("\(batch.batch)"), .integer(Int64(record.number)), .string(record.committedAt),
            .string(batch.actor),
        ]
    }
}

extension RowKey {
    /// One value: the rowid, the only column of a primary key, or a JSON list of its columns.
    var value: SQLValue {
        switch self {
        case .rowid(let rowid): return .integer(rowid)
        case .values(let values) where values.count == 1: return values[0]
        case .values: return .string(JSONWriter.text(json))
        }
    }
}

/// An argument of a table.
enum TableArgument {
    /// - Throws: `ERR_UX_USAGE` when the value has no text that could name something.
    static func text(_ value: SQLValue, _ name: String, hint: Hint) throws(BatchError) -> String {
        switch value {
        case .integer(let number): return String(number)
        case .text(let bytes) where bytes.count <= 1 << 20:
            guard let text = String(validating: bytes, as: UTF8.self), !text.contains("\0") else { break }
            return text
        default: break
        }
        throw BatchError(.usage, "the argument \(name) is not a valid text", hint: hint)
    }

    /// The columns of a key: one value, or a JSON list of values.
    static func key(_ text: String) throws(BatchError) -> [SQLValue] {
        if text.hasPrefix("["), let list = (try? JSONParser.parse(text))?.array { return list.map(value) }
        return [Int64(text).map(SQLValue.integer) ?? .string(text)]
    }

    private static func value(_ json: JSONValue) -> SQLValue {
        switch json {
        case .null: .null
        case .integer(let number): .integer(number)
        case .number(let number): .real(number)
        case .bool(let value): .integer(value ? 1 : 0)
        case .string(let text): .string(text)
        case .array, .object:
            json["blob"]?.string.flatMap(Hex.bytes).map(SQLValue.blob) ?? .string(JSONWriter.text(json))
        }
    }
}

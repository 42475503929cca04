public import BatchCore

/// Finds the row that a person means by a typed key.
public struct RowLookup {
    private let connection: Connection
    private let layout: TableLayout

    public init(connection: Connection, layout: TableLayout) {
        self.connection = connection
        self.layout = layout
    }

    /// The key and, when the row is there now, its values.
    /// - Throws: `ERR_UX_USAGE` when the key has another number of columns.
    public func find(_ typed: [SQLValue]) throws(BatchError) -> (key: RowKey, row: [SQLValue]?) {
        let primary = layout.columns.indices.filter { layout.columns[$0].primaryKeyPosition > 0 }
            .sorted { layout.columns[$0].primaryKeyPosition < layout.columns[$1].primaryKeyPosition }
        if !primary.isEmpty, typed.count == primary.count {
            let terms = primary.map { "\(SQLName.quote(layout.columns[$0].name)) = ?" }.joined(separator: " AND ")
            for values in [typed, typed.map(RowLookup.asText)] {
                if let found = try read(terms, values) { return found }
            }
        }
        switch layout.key {
        case .rowid:
            guard typed.count == 1, let rowid = typed[0].integer else { throw wrongShape(max(primary.count, 1)) }
            guard let name = layout.rowidName else { return (.rowid(rowid), nil) }
            return (.rowid(rowid), try read("\(name) = ?", typed)?.row)
        case .primaryKey(let positions):
            guard typed.count == positions.count else { throw wrongShape(positions.count) }
            return (.values(zip(positions, typed).map { stored($1, as: layout.columns[$0]) }), nil)
        }
    }

    private func read(_ condition: String, _ values: [SQLValue]) throws(BatchError) -> (key: RowKey, row: [SQLValue])? {
        guard let found = try RowReader(layout, on: connection, where: condition, values).next(), let key = found.key
        else { return nil }
        return (key, found.values)
    }

    /// Digits may be meant as text.
    private static func asText(_ value: SQLValue) -> SQLValue { value.integer.map { .string(String($0)) } ?? value }

    /// A row that is gone is found by the value as the column would have stored it.
    private func stored(_ value: SQLValue, as column: Column) -> SQLValue {
        let type = column.declaredType.uppercased()
        let isText = ["CHAR", "CLOB", "TEXT"].contains { type.contains($0) }
        let text = isText ? RowLookup.asText(value) : value
        guard connection.isUTF16, let string = text.string else { return text }
        return .text16(string.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] })
    }

    private func wrongShape(_ count: Int) -> BatchError {
        let shape = count == 1 ? "one value" : "a list of \(count) values"
        return BatchError(
            .usage, "the key of table \(layout.name) is \(shape)",
            hint: "see keys: \(command: "diff --id BATCH --table \(SQLName.quote(layout.name))")")
    }
}

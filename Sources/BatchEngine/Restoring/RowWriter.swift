internal import BatchCore
internal import BatchLedger

/// Writes rows of one table through the gateway, by their keys.
final class RowWriter {
    private let gateway: Gateway
    private let layout: TableLayout
    private let columns: [String]
    private let keys: [String]
    private var statements: [String: GatewayStatement] = [:]

    init(gateway: Gateway, layout: TableLayout) {
        self.gateway = gateway
        self.layout = layout
        columns = layout.storedColumns.map { SQLName.quote(layout.columns[$0].name) }
        keys = layout.keyColumnNames.map(SQLName.quote)
    }

    func insert(_ key: RowKey, _ values: [SQLValue]) throws(BatchError) {
        var names = columns
        var marks = columns.indices.map { ":v\($0)" }
        if case .rowid = key, layout.integerPrimaryKey == nil {
            names.append(keys[0])
            marks.append(":k0")
        }
        try run(
            "INSERT INTO main.\(layout.quotedName)(\(names.joined(separator: ", "))) VALUES(\(marks.joined(separator: ", ")))",
            key, values)
    }

    func update(_ key: RowKey, _ values: [SQLValue]) throws(BatchError) {
        let terms = columns.indices.map { "\(columns[$0]) = :v\($0)" }.joined(separator: ", ")
        try run("UPDATE main.\(layout.quotedName) SET \(terms) WHERE \(condition)", key, values)
    }

    func delete(_ key: RowKey) throws(BatchError) {
        try run("DELETE FROM main.\(layout.quotedName) WHERE \(condition)", key, [])
    }

    private var condition: String { keys.indices.map { "\(keys[$0]) = :k\($0)" }.joined(separator: " AND ") }

    private func run(_ sql: String, _ key: RowKey, _ values: [SQLValue]) throws(BatchError) {
        let statement: GatewayStatement
        if let known = statements[sql] { statement = known } else { statement = try gateway.prepare(sql) }
        statements[sql] = statement
        var parameters: [String: SQLValue] = [:]
        for (position, value) in values.enumerated() { parameters["v\(position)"] = value }
        switch key {
        case .rowid(let rowid): parameters["k0"] = .integer(rowid)
        case .values(let parts): for (position, part) in parts.enumerated() { parameters["k\(position)"] = part }
        }
        try gateway.run(statement, parameters)
    }
}

internal import BatchCore
internal import BatchLedger

/// Tells which versions of a row a condition means, in an empty database of its own.
final class RowFilter {
    private let condition: String
    /// Of the columns as they are now, where text is not compared byte by byte.
    private var collations: [String: String] = [:]
    private var scratch: [TableLayout: Scratch] = [:]

    private struct Scratch {
        let connection: Connection
        let insertion: Statement
        let question: Statement
        let hasRowid: Bool

        func insert(_ key: RowKey, _ row: [SQLValue]) throws(BatchError) {
            var values = row
            if hasRowid, case .rowid(let rowid) = key { values.append(.integer(rowid)) }
            defer { insertion.reset() }
            try insertion.bind(values)
            while try insertion.step() {}
        }
    }

    /// - Throws: `ERR_UX_USAGE` when the condition is not one expression over the columns of the table.
    init(_ condition: String, _ layout: TableLayout) throws(BatchError) {
        self.condition = condition
        do throws(BatchError) {
            let made = try make(layout)
            // In parentheses it must be an expression, and without them it must be one as well: `1) OR (1` is none.
            let bare = try made.connection.prepare("SELECT \(condition)\n FROM main.\(layout.quotedName)")
            _ = try made.connection.prepare("SELECT 1 FROM main.\(layout.quotedName) WHERE \(condition)\n")
            guard SQLText.isBlank(bare.tail), !condition.contains(";") || SQLText.isBlank(made.question.tail) else {
                throw BatchError(.usage, "it is more than one statement", hint: "")
            }
            guard made.question.parameterCount == 0 else {
                throw BatchError(.usage, "it cannot use parameters", hint: "")
            }
            for column in layout.columns {
                collations[column.name] = made.connection.collation(of: column.name, in: layout.name)
            }
            scratch[layout] = made
        } catch {
            throw BatchError(
                .usage, "--where is not one expression over the columns of \(layout.name): \(error.message)",
                hint: "e.g. --where \"email = 'a@example.com'\"")
        }
    }

    private func make(_ layout: TableLayout) throws(BatchError) -> Scratch {
        let connection = try Connection(path: ":memory:", mode: .create)
        connection.tolerateUnknownCollations()
        try connection.execute("PRAGMA ignore_check_constraints=ON")
        try connection.execute(layout.sql.isEmpty ? definition(layout) : layout.sql, isVerbatim: true)
        // Rows of an old state are compared with a condition, not kept.
        try connection.execute("BEGIN")
        var names = layout.storedColumns.map { SQLName.quote(layout.columns[$0].name) }
        let hasRowid = layout.integerPrimaryKey == nil && layout.rowidName != nil
        if hasRowid, let rowid = layout.rowidName { names.append(rowid) }
        let marks = names.map { _ in "?" }.joined(separator: ", ")
        return Scratch(
            connection: connection,
            insertion: try connection.prepare(
                "INSERT INTO main.\(layout.quotedName)(\(names.joined(separator: ", "))) VALUES(\(marks))"),
            question: try connection.prepare("SELECT 1 FROM main.\(layout.quotedName) WHERE (\(condition)\n)"),
            hasRowid: hasRowid)
    }

    /// The ledger keeps no text of a table, but what its rows hold: a column compares as it does now.
    private func definition(_ layout: TableLayout) -> String {
        let columns = layout.storedColumns.map { position in
            let column = layout.columns[position]
            let key = position == layout.integerPrimaryKey ? " PRIMARY KEY" : ""
            let collation = collations[column.name].map { " COLLATE \(SQLName.quote($0))" } ?? ""
            return "\(SQLName.quote(column.name)) \(column.declaredType)\(key)\(collation)"
        }
        return "CREATE TABLE \(layout.quotedName)(\(columns.joined(separator: ", ")))"
    }

    /// The keys of the rows that are meant in a table as it is.
    func keys(in layout: TableLayout, of connection: Connection) throws(BatchError) -> Set<RowKey> {
        let rows = try RowReader(layout, on: connection, where: "(\(condition)\n)")
        var keys: Set<RowKey> = []
        while let row = try rows.next() { if let key = row.key { keys.insert(key) } }
        return keys
    }

    /// The keys of the rows that are meant, of rows that were in the table at the same time.
    func matches(
        _ layout: TableLayout, _ rows: [(key: RowKey, row: [SQLValue])]
    ) throws(BatchError) -> [RowKey] {
        guard let tool = tool(for: layout) else { return [] }
        try tool.connection.run("DELETE FROM main.\(layout.quotedName)")
        for (key, row) in rows { try tool.insert(key, row) }
        let found = try RowReader(layout, on: tool.connection, where: "(\(condition)\n)")
        var keys: [RowKey] = []
        while let row = try found.next() { if let key = row.key { keys.append(key) } }
        return keys
    }

    /// A form of the table for which the condition has no meaning, because a column was not there yet, holds no row of it.
    func matches(_ layout: TableLayout, _ key: RowKey, _ row: [SQLValue]) throws(BatchError) -> Bool {
        guard let tool = tool(for: layout) else { return false }
        try tool.connection.run("DELETE FROM main.\(layout.quotedName)")
        try tool.insert(key, row)
        defer { tool.question.reset() }
        return try tool.question.step()
    }

    private func tool(for layout: TableLayout) -> Scratch? {
        if let known = scratch[layout] { return known }
        let same = scratch.first { $0.key.holdsSameRows(as: layout) }?.value
        guard let made = try? same ?? make(layout) else { return nil }
        scratch[layout] = made
        return made
    }
}

internal import BatchCore
internal import BatchLedger

/// The rows of a rebuilt point that a person wants back.
struct RowChoice {
    /// Of the table at the point.
    let layout: TableLayout
    private let point: Connection
    private let condition: String?
    /// Only rows of this tenant; nil for all.
    private let owner: RowOwner?

    /// - Throws: `ERR_UX_USAGE` when the point has no such table, or the condition is not one expression;
    ///   `ERR_SECURITY_TENANT` when the rows of the table are nobody's.
    init(_ rows: RowSelection, in point: Connection, owner: RowOwner? = nil) throws(BatchError) {
        self.point = point
        self.owner = owner
        condition = rows.condition
        let schema = SchemaReader(point)
        guard let layout = try schema.layout(named: rows.table), layout.role == .ordinary else {
            let names = try schema.tables().filter { $0.role == .ordinary }.map(\.name)
            throw BatchError(
                .unknownName,
                "the point has no table '\(rows.table)' with rows of its own\(Suggestion.clause(for: rows.table, in: names))",
                hint: "see what a point holds: \(command: "restore --point POINT --to FILE")")
        }
        self.layout = layout
        if let owner, !owner.isOwned(layout) { throw owner.shared(layout.name) }
        if let condition { try requireExpression(condition) }
    }

    /// SQL that is an expression is one with parentheses around it and without.
    private func requireExpression(_ condition: String) throws(BatchError) {
        let select = "SELECT 1 FROM main.\(layout.quotedName) WHERE "
        do throws(BatchError) {
            for sql in [select + condition, select + "(" + condition + "\n)"] {
                let statement = try point.prepare(sql, isVerbatim: true)
                guard SQLText.isBlank(statement.tail), statement.parameterCount == 0, statement.isReadOnly else {
                    throw BatchError(.usage, "it holds more than that", hint: "")
                }
            }
        } catch {
            let reason = error.saidBySQLite ?? error.message
            throw BatchError(
                .usage, "'\(condition)' is not one SQL expression: \(reason)",
                hint: "for example: --where \"customer_id = 7 AND total > 0\"")
        }
    }

    /// Makes sure that the rows fit into the table as it is now.
    func check(_ database: Connection) throws(BatchError) {
        guard let now = try SchemaReader(database).layout(named: layout.name) else {
            throw BatchError(
                .schemaChanged, "there is no longer a table \(layout.name)",
                hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
        }
        guard now.holdsSameRows(as: layout) else {
            throw BatchError(
                .schemaChanged, "table \(layout.name) has different columns now than at the point",
                hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
        }
    }

    /// What a person should know: triggers do not fire while rows are put back.
    func warnings(_ database: Connection) throws(BatchError) -> [Warning] {
        let triggers = try SchemaReader(database).objects()
            .filter { $0.type == "trigger" && $0.tableName == layout.name }.map(\.name)
        return triggers.isEmpty
            ? []
            : [
                Warning(
                    .triggersSkipped, "triggers of \(layout.name) did not fire: \(triggers.joined(separator: ", "))")
            ]
    }

    func forEachRow(_ body: (RowKey, [SQLValue]) throws(BatchError) -> Void) throws(BatchError) {
        if case .rowid(nil) = layout.key { return try forEachHiddenRow(body) }
        let reader = try RowReader(layout, on: point, where: condition.map { "(\($0)\n)" })
        while let row = try reader.next() {
            guard let key = row.key, owner?.mayShow(row.values, of: layout) ?? true else { continue }
            try body(key, row.values)
        }
    }

    /// Of a table whose columns hide the rowid: the condition sees the columns by their own names.
    private func forEachHiddenRow(_ body: (RowKey, [SQLValue]) throws(BatchError) -> Void) throws(BatchError) {
        try point.withVisibleRowid(of: layout) { (visible) throws(BatchError) in
            guard let rowid = visible.rowidName else { return }
            let columns = zip(visible.columns, layout.columns).map { now, then in
                "\(SQLName.quote(now.name)) AS \(SQLName.quote(then.name))"
            }
            let sql = """
                SELECT batchmgr_rowid, \(layout.storedColumnList) FROM (SELECT \(rowid) AS batchmgr_rowid, \
                \(columns.joined(separator: ", ")) FROM main.\(layout.quotedName)) AS \(layout.quotedName) \
                WHERE (\(condition ?? "1")\n)
                """
            let statement = try point.prepare(sql, isVerbatim: true)
            while try statement.step() {
                let values = Array(statement.values.dropFirst())
                guard let key = statement.value(0).integer, owner?.mayShow(values, of: layout) ?? true else { continue }
                try body(.rowid(key), values)
            }
        }
    }
}

/// Some rows of one table.
public struct RowSelection: Hashable, Sendable {
    public let table: String
    /// One SQL expression; nil for all rows.
    public let condition: String?

    public init(table: String, condition: String? = nil) {
        self.table = table
        self.condition = condition
    }
}

/// The rows in which the database at hand differs from another one, as far as they are asked for.
struct WantedRows {
    /// The database to be changed.
    let connection: Connection
    /// The one that has the rows as they are wanted.
    let wanted: Connection

    /// The rows that a person has chosen; all others stay as they are.
    func changes(for choice: RowChoice) throws(BatchError) -> RowChanges {
        guard let now = try SchemaReader(connection).layout(named: choice.layout.name) else {
            throw changed(choice.layout.name)
        }
        var rows: [(key: RowKey, values: [SQLValue])] = []
        try choice.forEachRow { (key, values) throws(BatchError) in rows.append((key, values)) }
        var changes: [RowChange] = []
        try connection.withVisibleRowid(of: now) { (visible) throws(BatchError) in
            if case .rowid(nil) = visible.key { throw hidden(now.name) }
            let reader = try TableRows(visible, on: connection)
            for row in rows {
                let found = try reader.row(row.key)
                if found != row.values { changes.append(RowChange(key: row.key, before: row.values, after: found)) }
            }
        }
        return RowChanges([(now, changes)])
    }

    /// All rows of one tenant; those of others, and the tables that all share, stay as they are.
    func changes(ofRowsOf owner: RowOwner) throws(BatchError) -> RowChanges {
        let difference = DatabaseDifference(old: wanted, new: connection)
        var tables: [(layout: TableLayout, changes: [RowChange])] = []
        for table in try difference.tables() {
            guard let now = table.after, owner.isOwned(now) else {
                if let then = table.before, owner.isOwned(then), table.after == nil { throw changed(then.name) }
                continue
            }
            if let then = table.before, !now.holdsSameRows(as: then) { throw changed(now.name) }
            var changes: [RowChange] = []
            try difference.forEachChange(of: table) { (row) throws(BatchError) in
                if owner.mayShow(row, before: table.before, after: table.after) { changes.append(row) }
            }
            tables.append((now, changes))
        }
        return RowChanges(tables)
    }

    private func changed(_ table: String) -> BatchError {
        BatchError(
            .schemaChanged, "table \(table) has a different shape now than at the point",
            hint: "rebuild the point to a new file instead: \(command: "restore --point POINT --to FILE")")
    }

    private func hidden(_ table: String) -> BatchError {
        BatchError(
            .notUndoable,
            "the columns of table \(table) hide its rowid, and a broken view or trigger prevents renaming them",
            hint: "correct the view or trigger, or rebuild the point: \(command: "restore --point POINT --to FILE")")
    }
}

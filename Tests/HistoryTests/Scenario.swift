import BatchCore
import BatchHistory
import BatchLedger

/// One database in two states, before and after a mixed change of every table.
final class Scenario {
    let work = Workplace()
    let old: Connection
    let new: Connection
    let before: DatabaseState
    let after: DatabaseState
    let changes: DifferenceSource
    /// What the sqlite3 shell prints for both.
    let dumps: (before: String, after: String)

    /// - Parameter sql: the change; by default some rows of every table are updated, deleted and inserted.
    init(_ original: String, _ sql: String? = nil) throws {
        let first = work.copy(original, as: "old.db")
        let second = work.copy(original, as: "new.db")
        let changed = try Scenario.open(second)
        if let sql { try changed.execute(sql) } else { try Scenario.change(changed) }
        dumps = (Workplace.dump(first), Workplace.dump(second))
        old = try Scenario.open(first)
        new = changed
        before = try DatabaseState.read(old)
        after = try DatabaseState.read(new)
        changes = try DifferenceSource(from: old, to: new)
    }

    static func open(_ path: String) throws -> Connection {
        let connection = try Connection(path: path)
        connection.tolerateUnknownCollations()
        return connection
    }

    /// Whatever of it the tables' rules allow: what is refused is left out.
    private static func change(_ connection: Connection) throws {
        for table in try SchemaReader(connection).tables() where table.role == .ordinary {
            let order = table.keyOrder.map { " ORDER BY \($0)" } ?? ""
            let name = table.rowidName ?? table.keyOrder?.split(separator: ",").first.map(String.init) ?? "NULL"
            for column in table.storedColumns.reversed() {
                let column = SQLName.quote(table.columns[column].name)
                let pick = "(SELECT \(name) FROM main.\(table.quotedName)\(order) LIMIT 7 OFFSET 3)"
                try? connection.execute(
                    "UPDATE OR IGNORE main.\(table.quotedName) SET \(column) = \(column) || 'x' WHERE \(name) IN \(pick)"
                )
            }
            try? connection.execute(
                "DELETE FROM main.\(table.quotedName) WHERE \(name) IN (SELECT \(name) FROM main.\(table.quotedName)\(order) LIMIT 3)"
            )
            try? connection.execute(
                """
                INSERT OR IGNORE INTO main.\(table.quotedName)(\(table.storedColumnList))
                SELECT \(table.storedColumnList) FROM main.\(table.quotedName) LIMIT 5
                """)
        }
    }

    func content(_ rows: PointContent.Rows, _ state: DatabaseState, id: String, tenant: String? = nil) -> PointContent {
        PointContent(
            branch: "main", tag: "batch/" + id, message: Workplace.message(id), state: state, rows: rows,
            tenantColumn: tenant)
    }

    func label(_ batch: String, base: String?, time: Int64) -> BakStore.Label {
        BakStore.Label(batch: batch, database: "main", base: base, time: Timestamp(milliseconds: time))
    }

    var bak: BakStore { BakStore(folder: work.folder) }
}

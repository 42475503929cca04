import BatchCore
import BatchLedger

/// Reads the images of one database; what it learned of the schema it keeps until that changes.
final class ImageReader {
    private struct Plan {
        let name: String
        let kind: DatabaseImage.Kind
        let hasFreeRowid: Bool
        let sql: String
    }

    private let connection: Connection
    private var version: SQLValue?
    private var objects: [SchemaObject] = []
    private var plans: [Plan] = []

    private let keepsOrder: Bool

    /// - Parameter keepsOrder: false where the order of the schema does not count. VACUUM changes it, and no digest tells.
    init(_ connection: Connection, keepsOrder: Bool) {
        self.connection = connection
        self.keepsOrder = keepsOrder
    }

    func read() throws -> DatabaseImage {
        try plan()
        let settings = try ["encoding", "user_version", "application_id"].map { name in
            try connection.prepare("PRAGMA \(name)").only()
        }
        let tables = try plans.map { plan in
            let statement = try connection.prepare(plan.sql)
            var rows: [[SQLValue]] = []
            while try statement.step() { rows.append(statement.values) }
            return DatabaseImage.Table(
                name: plan.name, kind: plan.kind, hasFreeRowid: plan.hasFreeRowid, rows: rows)
        }
        return DatabaseImage(settings: settings, objects: objects, tables: tables)
    }

    private func plan() throws {
        let now = try connection.prepare("PRAGMA schema_version").only()
        if now == version { return }
        let reader = SchemaReader(connection)
        let listed = try reader.objects()
        let ordered = keepsOrder ? listed : listed.sorted { ($0.type, $0.name) < ($1.type, $1.name) }
        objects = ordered.enumerated().map { place, object in
            SchemaObject(
                rowid: Int64(place), type: object.type, name: object.name, tableName: object.tableName, sql: object.sql)
        }
        plans = try reader.tables().map { table in
            let kind: DatabaseImage.Kind =
                switch table.role {
                case .ordinary: .ordinary
                case .shadow: .shadow
                case .system: .system
                }
            // Counters and statistics of the ledger's own tables are no part of a point.
            if kind == .system {
                return Plan(
                    name: table.name, kind: kind, hasFreeRowid: true,
                    sql: "SELECT NULL, * FROM \(table.name) WHERE \(SQLName.quote(table.columns[0].name))"
                        + " NOT LIKE 'batchmgr\\_%' ESCAPE '\\' ORDER BY 2, 3")
            }
            let order = table.keyOrder.map { " ORDER BY \($0)" } ?? ""
            return Plan(
                name: table.name, kind: kind, hasFreeRowid: table.integerPrimaryKey == nil && !table.isWithoutRowID,
                sql:
                    "SELECT \(table.rowidName ?? "NULL"), \(ImageReader.columns(of: table)) FROM main.\(table.quotedName)\(order)"
            )
        }
        if !keepsOrder { plans.sort { $0.name < $1.name } }
        plans += objects.filter(\.isVirtualTable).flatMap(ImageReader.plans)
        version = now
    }

    /// A virtual REAL column is read as an integer or not, as the plan of the query goes.
    private static func columns(of table: TableLayout) -> String {
        table.columns.map { column in
            let name = SQLName.quote(column.name)
            guard column.generated == .virtual else { return name }
            // `typeof` may say `real` of what is then read as an integer.
            return "CASE WHEN typeof(\(name)) IN ('integer', 'real') THEN CAST(\(name) AS REAL) ELSE \(name) END"
        }.joined(separator: ", ")
    }

    /// Of a virtual table also what its index finds.
    private static func plans(of object: SchemaObject) -> [Plan] {
        func plan(_ name: String, _ sql: String) -> Plan {
            Plan(name: name, kind: .virtual, hasFreeRowid: false, sql: sql)
        }
        let name = SQLName.quote(object.name)
        if object.sql?.contains("rtree") == true {
            return [
                plan(object.name, "SELECT NULL, * FROM \(name) ORDER BY id"),
                plan(object.name + " index", "SELECT id FROM \(name) WHERE x0 >= 2 AND x1 <= 7 ORDER BY id"),
            ]
        }
        let words = "'one OR two OR k1 OR new'"
        let index = plan(
            object.name + " index", "SELECT rowid FROM \(name) WHERE \(name) MATCH \(words) ORDER BY rowid")
        // The rows of another table may be gone.
        if object.sql?.contains("content=") == true { return [index] }
        return [plan(object.name, "SELECT rowid, * FROM \(name) ORDER BY rowid"), index]
    }
}

extension Statement {
    fileprivate func only() throws -> SQLValue { try step() ? value(0) : .null }
}

import BatchCore
import BatchLedger

/// What there is to write to, read from the database that the next statement will meet.
struct Scene {
    struct Virtual {
        let name: String
        let columns: [String]
        let isTree: Bool
        let isStandalone: Bool

        var quotedName: String { SQLName.quote(name) }
    }

    struct View {
        let name: String
        let columns: [String]
        /// INSERT, UPDATE and DELETE as far as there is an INSTEAD OF trigger for them.
        let accepts: Set<String>

        var quotedName: String { SQLName.quote(name) }
    }

    let tables: [TableLayout]
    let virtual: [Virtual]
    /// Those that hold their rows themselves.
    var standalone: [Virtual] { virtual.filter(\.isStandalone) }
    let views: [View]
    /// Those that a statement can drop.
    let indexes: [SchemaObject]
    let triggers: [SchemaObject]

    init(_ connection: Connection) throws {
        let reader = SchemaReader(connection)
        let objects = try reader.objects()
        tables = try reader.tables().filter { $0.role == .ordinary }
        indexes = objects.filter { $0.type == "index" && $0.sql != nil }
        triggers = objects.filter { $0.type == "trigger" }
        virtual = try objects.filter(\.isVirtualTable).map { (object) throws in
            let sql = object.sql ?? ""
            return Virtual(
                name: object.name, columns: try Scene.columns(of: object.name, connection),
                isTree: sql.contains("rtree"), isStandalone: !sql.contains("content="))
        }
        views = objects.filter { $0.type == "view" }.map { object in
            let texts = objects.filter { $0.type == "trigger" && $0.tableName == object.name }.compactMap(\.sql)
            return View(
                name: object.name, columns: (try? Scene.columns(of: object.name, connection)) ?? [],
                accepts: Set(
                    ["INSERT", "UPDATE", "DELETE"].filter { word in
                        texts.contains { $0.contains("INSTEAD OF \(word)") }
                    }))
        }
    }

    /// Without hidden ones.
    private static func columns(of table: String, _ connection: Connection) throws -> [String] {
        try connection.rows("SELECT name FROM pragma_table_info(?)", [.string(table)]).map { $0[0].string ?? "" }
    }
}

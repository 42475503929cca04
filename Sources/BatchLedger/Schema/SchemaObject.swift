/// One row of `sqlite_schema`.
public struct SchemaObject: Hashable, Sendable {
    /// Its place in the schema; triggers fire in an order that follows from it, so undo and restore keep it.
    public let rowid: Int64
    /// `table`, `index`, `view` or `trigger`.
    public let type: String
    public let name: String
    public let tableName: String
    /// Nil for the indexes that SQLite makes for PRIMARY KEY and UNIQUE.
    public let sql: String?

    public init(rowid: Int64, type: String, name: String, tableName: String, sql: String?) {
        self.rowid = rowid
        self.type = type
        self.name = name
        self.tableName = tableName
        self.sql = sql
    }

    /// A setting in the header of the file that applications rely on, in the form of an object: it is undone as a change
    /// of the schema is. Nil for the value that a new file has.
    public static func setting(_ name: String, _ value: Int64) -> SchemaObject? {
        guard value != 0, let place = settings.firstIndex(of: name) else { return nil }
        return SchemaObject(
            rowid: Int64(-1 - place), type: "setting", name: name, tableName: "sqlite_settings", sql: "\(value)")
    }

    static let settings = ["user_version", "application_id"]

    var isSetting: Bool { type == "setting" }

    /// `sqlite_sequence` and the statistics: SQLite makes them itself.
    var isSystem: Bool { type == "table" && name.hasPrefix("sqlite_") }

    /// True when the other is the same, wherever it stands: VACUUM moves objects.
    func isAlike(_ other: SchemaObject) -> Bool {
        type == other.type && name == other.name && tableName == other.tableName && sql == other.sql
    }

    /// True when the definition needs the other object: it belongs to it, or names it in its text.
    func uses(_ other: SchemaObject) -> Bool {
        guard other.type == "table" || other.type == "view", !other.isSystem, name != other.name else { return false }
        if tableName == other.name { return true }
        guard type == "view" || type == "trigger", let sql else { return false }
        let words = sql.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "_") }
        let name = other.name.lowercased()
        return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
            ? words.contains { $0 == name } : sql.lowercased().contains(name)
    }

    /// SQLite stores the text with exactly these first words.
    public var isVirtualTable: Bool { type == "table" && sql?.hasPrefix("CREATE VIRTUAL TABLE") == true }
}

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

    /// SQLite stores the text with exactly these first words.
    public var isVirtualTable: Bool { type == "table" && sql?.hasPrefix("CREATE VIRTUAL TABLE") == true }
}

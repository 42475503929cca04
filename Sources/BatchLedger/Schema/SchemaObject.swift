public import BatchCore
internal import CSQLite

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

    /// True when the text has only grown, as with ADD COLUMN: what names the object and its columns stays as it is.
    func isExtension(of other: SchemaObject) -> Bool {
        guard let new = sql?.utf8, let old = other.sql?.utf8 else { return sql == other.sql }
        let start = zip(new, old).prefix { $0 == $1 }.count
        return new.count >= old.count && new.suffix(old.count - start).elementsEqual(old.dropFirst(start))
    }

    /// SQLite stores the text with exactly these first words.
    public var isVirtualTable: Bool { type == "table" && sql?.hasPrefix("CREATE VIRTUAL TABLE") == true }

    /// True for an index that a statement made; those of a table's own constraints come with the table.
    var isUniqueIndex: Bool { type == "index" && sql?.hasPrefix("CREATE UNIQUE INDEX") == true }
}

/// Which names belong to the ledger.
extension SQLName {
    /// True for names that a batch may not give to anything new.
    public static func isReserved(_ name: String) -> Bool { begins(name, with: "batchmgr_") }
}

extension TableLayout {
    /// SQL after WHERE that leaves out rows about the ledger; nil where there can be none.
    ///
    /// ANALYZE and AUTOINCREMENT note the ledger's tables too; those rows are not the user's.
    public func userRows(_ ledger: LedgerNames) -> String? {
        switch name {
        case "sqlite_sequence": TableLayout.isNotLedger("name", ledger)
        case _ where role == .system: TableLayout.isNotLedger("tbl", ledger)
        default: nil
        }
    }

    /// A row without a name is the user's.
    private static func isNotLedger(_ column: String, _ ledger: LedgerNames) -> String {
        let names = ledger.objects.sorted().map(SQLName.literal).joined(separator: ", ")
        return "(lower(\(column)) IN (\(names)) OR \(column) LIKE 'batchmgr\\_bak\\_%' ESCAPE '\\') IS NOT TRUE"
    }
}

/// Makes one object of a schema from a text that somebody may have edited: a commit, a `.bak`.
///
/// The text has to be one statement that makes a table or an index of this database, and may do nothing else: no other
/// file, no query, no trigger, no change of rows.
public final class CopiedDefinition {
    private let connection: Connection
    private let sql: String
    private var isForbidden = false

    public init(_ sql: String, on connection: Connection) {
        self.sql = sql
        self.connection = connection
    }

    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the statement does more than it may; `ERR_DATA_SQL` when it cannot run.
    public func run() throws(BatchError) {
        sqlite3_set_authorizer(
            connection.handle,
            { context, action, first, second, database, _ in
                guard let context else { return SQLITE_DENY }
                func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
                let statement = Unmanaged<CopiedDefinition>.fromOpaque(context).takeUnretainedValue()
                if CopiedDefinition.permits(action, text(first), text(second), text(database)) { return SQLITE_OK }
                statement.isForbidden = true
                return SQLITE_DENY
            }, Unmanaged.passUnretained(self).toOpaque())
        defer { connection.hooks.restoreAuthorizer() }
        do throws(BatchError) {
            let statement = try connection.prepare(sql, isVerbatim: true)
            guard SQLText.isBlank(statement.tail) else { throw forbidden }
            while try statement.step() {}
        } catch {
            throw isForbidden ? forbidden : error
        }
    }

    private var forbidden: BatchError {
        BatchError(
            .corruptRecord, "a definition in the copy does more than make one table or index: \(sql.prefix(60))",
            hint:
                "somebody has edited it; restore from the other copy: \(command: "restore --point POINT --source git --to FILE") or bak"
        )
    }

    /// Source: https://www.sqlite.org/c3ref/c_alter_table.html
    private static func permits(_ action: Int32, _ first: String, _ second: String, _ database: String) -> Bool {
        switch action {
        case SQLITE_CREATE_TABLE, SQLITE_CREATE_INDEX, SQLITE_REINDEX, SQLITE_READ: database == "main"
        case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE:
            database == "main" && ["sqlite_master", "sqlite_schema", "sqlite_sequence"].contains(first)
        case SQLITE_FUNCTION: !["load_extension", "fts3_tokenizer"].contains(second.lowercased())
        default: false
        }
    }
}

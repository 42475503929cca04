public import BatchCore
public import BatchLedger

/// What a database is at one moment, without its rows.
public struct DatabaseState: Hashable, Sendable {
    public let settings: DatabaseSettings
    public let objects: [SchemaObject]
    public let digest: StateDigest

    public init(settings: DatabaseSettings, objects: [SchemaObject], digest: StateDigest) {
        self.settings = settings
        self.objects = objects
        self.digest = digest
    }

    /// Reads settings and schema; `digest` is computed from all rows when it is not given.
    public static func read(_ connection: Connection, digest: StateDigest? = nil) throws(BatchError) -> DatabaseState {
        let known: StateDigest
        if let digest { known = digest } else { known = try StateDigest.compute(connection) }
        return DatabaseState(
            settings: try DatabaseSettings.read(connection), objects: try SchemaReader(connection).objects(),
            digest: known)
    }
}

/// What the header of a database file says: settings that a rebuilt file has to share.
public struct DatabaseSettings: Hashable, Sendable {
    /// Bytes.
    public let pageSize: Int64
    /// `UTF-8`, `UTF-16le` or `UTF-16be`.
    public let encoding: String
    /// 0 none, 1 full, 2 incremental.
    public let autoVacuum: Int64
    public let userVersion: Int64
    public let applicationID: Int64
    /// `wal`, or `delete` for every kind of rollback journal: only WAL is a property of the file.
    public let journalMode: String

    public static func read(_ connection: Connection) throws(BatchError) -> DatabaseSettings {
        DatabaseSettings(
            pageSize: try number("page_size", connection),
            encoding: try connection.value("PRAGMA main.encoding")?.string ?? "UTF-8",
            autoVacuum: try number("auto_vacuum", connection), userVersion: try number("user_version", connection),
            applicationID: try number("application_id", connection),
            journalMode: try connection.value("PRAGMA main.journal_mode")?.string == "wal" ? "wal" : "delete")
    }

    private static func number(_ pragma: String, _ connection: Connection) throws(BatchError) -> Int64 {
        try connection.value("PRAGMA main.\(pragma)")?.integer ?? 0
    }

    /// Those that an undo brings back.
    var objects: [SchemaObject] {
        [SchemaObject.setting("user_version", userVersion), .setting("application_id", applicationID)].compactMap(
            \.self)
    }

    /// False when a file cannot be changed from one to the other without writing it anew.
    func fitsFile(of other: DatabaseSettings) -> Bool {
        pageSize == other.pageSize && encoding == other.encoding && autoVacuum == other.autoVacuum
    }

    var isUTF16: Bool { encoding.hasPrefix("UTF-16") }

    // MARK: JSON

    var json: JSONValue {
        .object([
            .init("page_size", .integer(pageSize)), .init("encoding", .string(encoding)),
            .init("auto_vacuum", .integer(autoVacuum)), .init("user_version", .integer(userVersion)),
            .init("application_id", .integer(applicationID)), .init("journal_mode", .string(journalMode)),
        ])
    }
}

extension DatabaseSettings {
    /// Nil when a setting is missing or of the wrong type.
    init?(json: JSONValue) {
        guard let pageSize = json["page_size"]?.integer, let encoding = json["encoding"]?.string,
            let autoVacuum = json["auto_vacuum"]?.integer, let userVersion = json["user_version"]?.integer,
            let applicationID = json["application_id"]?.integer, let journalMode = json["journal_mode"]?.string
        else { return nil }
        self.init(
            pageSize: pageSize, encoding: encoding, autoVacuum: autoVacuum, userVersion: userVersion,
            applicationID: applicationID, journalMode: journalMode)
    }
}

/// An empty database in memory with the schema of a state: it tells how the tables of that time looked.
final class SchemaModel {
    let state: DatabaseState
    private let connection: Connection
    private var layouts: [String: TableLayout] = [:]

    init(_ state: DatabaseState) throws(BatchError) {
        self.state = state
        let builder = try DatabaseBuilder(at: ":memory:", state: state)
        try builder.finish()
        connection = builder.connection
        try connection.execute("PRAGMA writable_schema=RESET")
        for layout in try SchemaReader(connection).tables() { layouts[layout.name] = layout }
    }

    func layout(_ table: String) -> TableLayout? { layouts[table] }

    var tables: [TableLayout] { layouts.values.sorted { $0.name < $1.name } }
}

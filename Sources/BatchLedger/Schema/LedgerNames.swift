internal import BatchCore
internal import CSQLite
internal import Glibc

/// What the tables of the ledger are called in one database.
///
/// All SQL of the ledger is written with the usual names, `main.batchmgr_…`. Where the application had a table of its own
/// with such a name first, the ledger stands beside it under `batchmgr_ledger_…`, and the text is changed before SQLite
/// compiles it.
public struct LedgerNames: Hashable, Sendable {
    /// How each name begins.
    public let prefix: String
    /// Of tables and indexes.
    public let objects: Set<String>
    /// See `start(of:)`.
    private let metaStart: String

    public static let usual = LedgerNames("batchmgr_")
    public static let beside = LedgerNames("batchmgr_ledger_")

    private init(_ prefix: String) {
        self.prefix = prefix
        objects = Set(LedgerSchema.names.map { prefix + $0.dropFirst(LedgerNames.usualPrefix.count) })
        let meta = LedgerNames.start(of: "batchmgr_meta")
        metaStart = prefix == LedgerNames.usualPrefix ? meta : meta.replacing(LedgerNames.usualPrefix, with: prefix)
    }

    public static func == (left: LedgerNames, right: LedgerNames) -> Bool { left.prefix == right.prefix }
    public func hash(into hasher: inout Hasher) { hasher.combine(prefix) }

    private static let usualPrefix = "batchmgr_"

    /// The name that a table of the ledger has here.
    public func name(_ usual: String) -> String { prefix + usual.dropFirst(LedgerNames.usualPrefix.count) }

    /// True for the tables, indexes and triggers of the ledger itself, and for what a `.bak` keeps beside it. Another
    /// table whose name begins alike is the application's own.
    public func isLedger(_ name: String) -> Bool {
        guard SQLName.isReserved(name) else { return false }
        let name = SQLName.folded(name)
        return objects.contains(name) || LedgerNames.passing.contains { name.hasPrefix($0) }
            || name == TableLayout.stand
    }

    /// How names begin of what belongs to us and comes and goes.
    private static let passing = ["batchmgr_guard_", "batchmgr_record_", "batchmgr_bak_", "batchmgr_dropped_"]

    // MARK: SQL

    /// SQL of ours as it has to be said here: each `main.batchmgr_…` that is not quoted. Names and texts of users are.
    func placed(_ sql: String) -> String {
        if self == .usual || !LedgerNames.areUsed(in: sql) { return sql }
        let text = Array(sql.utf8)
        var placed: [UInt8] = []
        placed.reserveCapacity(text.count + 64)
        var position = 0
        while position < text.count {
            let byte = text[position]
            var end = position + 1
            if byte == 0x22 || byte == 0x27 {
                while end < text.count, text[end] != byte { end += 1 }
                end = min(end + 1, text.count)
                placed += text[position..<end]
            } else if LedgerNames.isInName(byte) {
                while end < text.count, LedgerNames.isInName(text[end]) { end += 1 }
                let word = String(decoding: text[position..<end], as: UTF8.self)
                let isOurs = placed.suffix(5).elementsEqual("main.".utf8) && LedgerSchema.names.contains(word)
                placed += isOurs ? Array(name(word).utf8) : Array(text[position..<end])
            } else {
                placed.append(byte)
            }
            position = end
        }
        return String(decoding: placed, as: UTF8.self)
    }

    /// By bytes: to compare characters costs more than most of these statements. SQL ends at the first NUL, as this does.
    static func areUsed(in sql: String) -> Bool { strstr(sql, "main.batchmgr_") != nil }

    /// The text of a table or index of the ledger, which names its table without `main`.
    func created(_ statement: String) -> String {
        guard self != .usual else { return statement }
        return statement.replacing("batchmgr_", with: prefix)
    }

    private static func isInName(_ byte: UInt8) -> Bool {
        (byte | 32) >= 97 && (byte | 32) <= 122 || byte >= 48 && byte <= 57 || byte == 95 || byte >= 128
    }
}

/// Where the ledger of a database is, by what its schema says.
extension LedgerNames {
    /// - Returns: the names, and whether a ledger with them is there; nil when there is none, and nothing in its way.
    static func found(in connection: Connection) throws(BatchError) -> (names: LedgerNames, isThere: Bool)? {
        for (names, meta) in [(usual, "batchmgr_meta"), (beside, "batchmgr_ledger_meta")] {
            // It stands before the rest of the ledger: the schema is not read to its end.
            let sql = "SELECT sql FROM main.sqlite_schema WHERE name = '\(meta)' AND type = 'table' LIMIT 1"
            if try connection.value(sql)?.string?.hasPrefix(names.metaStart) == true { return (names, true) }
        }
        let others = try connection.rows(namesakes)
        if others.isEmpty { return nil }
        // What is left of a ledger must not get a second one beside it.
        let isLeft = others.contains { row in
            row[1].string?.hasPrefix(start(of: row[0].string ?? "")) == true
        }
        return (isLeft ? usual : beside, false)
    }

    private static let namesakes: String = {
        let list = LedgerSchema.names.sorted().map(SQLName.literal).joined(separator: ", ")
        return "SELECT name, sql FROM main.sqlite_schema WHERE lower(name) IN (\(list)) AND sql IS NOT NULL"
    }()

    /// The text of an object of the ledger, as far as all versions have it: up to its second column.
    private static func start(of usual: String) -> String {
        String((LedgerSchema.creations[usual] ?? "-").prefix { $0 != "," })
    }
}

extension Connection {
    /// What the tables of the ledger are called here.
    public var ledgerNames: LedgerNames {
        if let known = knownLedgerNames { return known }
        _ = try? findLedger()
        return knownLedgerNames ?? .usual
    }

    /// Looks whether the database has a ledger, and under which names.
    func findLedger() throws(BatchError) -> Bool {
        let version = try SchemaReader(self).version()
        if version == ledgerVersion, knownLedgerNames != nil { return true }
        let found = try LedgerNames.found(in: self)
        // A change of a transaction may be taken back, and its cookie be another schema's later.
        ledgerVersion = isAutocommit && found?.isThere == true ? version : nil
        if found?.names != knownLedgerNames {
            // They were compiled with the other names.
            dropCachedStatements()
            knownLedgerNames = found?.names
        }
        return found?.isThere ?? false
    }

    func hasTable(_ name: String) throws(BatchError) -> Bool {
        // Whatever is read first brings the schema that SQLite knows up to date; to search it as a table takes ten times as long.
        _ = try value("SELECT 1 FROM main.sqlite_schema LIMIT 1")
        if knows(column: nil, of: name) { return true }
        return try value("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [.string(name)]) != nil
    }

    /// True when the table has the column by the schema that SQLite has read last.
    /// - Parameter column: nil for the table alone.
    func knows(column: String?, of table: String) -> Bool {
        sqlite3_table_column_metadata(handle, "main", table, column, nil, nil, nil, nil, nil) == SQLITE_OK
    }

    /// True for a name of the ledger of this database.
    public func isLedger(_ name: String) -> Bool { SQLName.isReserved(name) && ledgerNames.isLedger(name) }
}

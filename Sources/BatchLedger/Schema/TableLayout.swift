public import BatchCore
internal import CSQLite
internal import Glibc

/// How the rows of one table are named and what they hold.
public struct TableLayout: Hashable, Sendable {
    public enum Role: Hashable, Sendable {
        case ordinary
        /// Holds the data of a virtual table; written by its module alone.
        case shadow(of: String)
        /// `sqlite_sequence` and the statistics tables: SQLite reports no changes of them.
        case system
    }

    public enum Key: Hashable, Sendable {
        /// Rows are named by rowid. `alias` is a name by which SQL reaches it: the INTEGER PRIMARY KEY column, or one
        /// of rowid, _rowid_, oid that is not the name of a real column. Nil when all three are taken.
        case rowid(alias: String?)
        /// WITHOUT ROWID: positions in `columns`, in the order of the key.
        case primaryKey([Int])
    }

    public let name: String
    public let columns: [Column]
    public let key: Key
    /// Position of the INTEGER PRIMARY KEY column: its value is the rowid.
    public let integerPrimaryKey: Int?
    public let isStrict: Bool
    public let isAutoincrement: Bool
    public let role: Role
    public let uniqueIndexes: [UniqueIndex]
    public let foreignKeys: [ForeignKey]
    /// The CREATE statement as the schema holds it; empty for tables that SQLite makes.
    public let sql: String

    /// Positions of the columns that a row image holds: all but the generated ones.
    public var storedColumns: [Int] { columns.indices.filter { columns[$0].generated == .no } }

    /// The affinity of a column, at its position in `columns`.
    func affinity(of position: Int) -> Column.Affinity {
        // Anywhere else this would be a type like many others, with a numeric affinity.
        isStrict && columns[position].declaredType.uppercased() == "ANY" ? .none : columns[position].affinity
    }

    public var quotedName: String { SQLName.quote(name) }

    /// The stored columns, quoted and joined by commas.
    public var storedColumnList: String {
        storedColumns.map { SQLName.quote(columns[$0].name) }.joined(separator: ", ")
    }

    public var isWithoutRowID: Bool {
        if case .primaryKey = key { true } else { false }
    }

    /// The quoted name by which SQL reaches the rowid; nil for WITHOUT ROWID tables and when the columns hide it.
    public var rowidName: String? {
        if case .rowid(let alias?) = key { SQLName.quote(alias) } else { nil }
    }

    /// ORDER BY terms that put the rows into key order; nil when the rowid cannot be named (then a scan is in rowid
    /// order).
    public var keyOrder: String? {
        switch key {
        case .rowid: rowidName
        case .primaryKey(let positions):
            positions.map { SQLName.quote(columns[$0].name) }.joined(separator: ", ")
        }
    }

    /// A reference from columns of one table to a key of another.
    public struct ForeignKey: Hashable, Sendable {
        /// As `PRAGMA foreign_key_list` and `foreign_key_check` number it.
        public let id: Int
        public let parent: String
        /// Positions in the child's `TableLayout.columns`.
        public let columns: [Int]
        /// Names of the parent's columns; empty when the declaration leaves them to the parent's primary key.
        public let parentColumns: [String]
        /// ON UPDATE or ON DELETE changes the child.
        public let hasAction: Bool
    }

    /// A set of columns whose values no two rows may share.
    public struct UniqueIndex: Hashable, Sendable {
        public let name: String
        /// Positions in `TableLayout.columns`; nil for an expression, whose value only SQLite can compute.
        public let columns: [Int?]
        /// Names of columns, and the text of expressions.
        public let terms: [String]
        /// Collation of each column: BINARY, NOCASE, RTRIM or one of the application's own.
        public let collations: [String]
        public let isPartial: Bool
        /// The text after WHERE of a partial index.
        public let condition: String?
        public let isPrimaryKey: Bool

        /// True when the values of a row alone decide its place in the index.
        public var isComputable: Bool { columns.allSatisfy { $0 != nil } && knownCollations != nil }

        /// Nil when one is the application's own.
        var knownCollations: [KeyHash.Collation]? {
            let known = collations.compactMap(KeyHash.Collation.init)
            return known.count == collations.count ? known : nil
        }
    }
}

extension TableLayout {
    /// SQL after WHERE that finds the row of one key, which it binds.
    public var keyCondition: String {
        switch key {
        case .rowid: "\(rowidName ?? "NULL") = ?"
        // The key of a WITHOUT ROWID table may be NULL-free only, so "=" finds it by the key's own index.
        case .primaryKey(let positions):
            positions.map { SQLName.quote(columns[$0].name) + " = ?" }.joined(separator: " AND ")
        }
    }

    /// True when a column of the index is generated.
    func isGenerated(_ index: UniqueIndex) -> Bool {
        index.columns.contains { position in position.map { columns[$0].generated != .no } ?? true }
    }

    /// Of the columns of a WITHOUT ROWID key; nil for one of the application's own.
    var keyCollations: [KeyHash.Collation?] {
        guard case .primaryKey(let positions) = key else { return [] }
        let index = uniqueIndexes.first(where: \.isPrimaryKey)
        return positions.map { position in
            let terms = zip(index?.columns ?? [], index?.collations ?? []).filter { $0.0 == position }
            // A column may be in the key twice, and then the finer one decides.
            if terms.isEmpty || terms.contains(where: { $0.1.uppercased() == "BINARY" }) { return .binary }
            return terms.count == 1 ? KeyHash.Collation(terms[0].1) : nil
        }
    }

    /// The values of a row with the names of their columns.
    /// - Parameter row: the stored columns in their order.
    public func fields(of row: [SQLValue]) -> [Change.Field] {
        zip(storedColumns, row).map { Change.Field(columns[$0].name, $1) }
    }
}

/// One column of a table, as far as capture and undo need to know it.
public struct Column: Hashable, Sendable {
    public enum Generated: Sendable {
        case no, virtual, stored
    }

    public let name: String
    public let declaredType: String
    /// True for REAL affinity: SQLite may hand over a whole number of such a column as an integer.
    public let hasRealAffinity: Bool
    public let isNotNull: Bool
    /// A row written before `ALTER TABLE … ADD COLUMN` does not hold the value: see `TableLayout.needsReader`.
    public let hasDefault: Bool
    public let generated: Generated
    /// Position in the primary key counted from 1; 0 when it is no part of it.
    public let primaryKeyPosition: Int

    /// Column affinity by the declared type, section 3.1 of SQLite's "Datatypes In SQLite".
    static func hasRealAffinity(declaredType: String) -> Bool {
        let type = declaredType.uppercased()
        if type.isEmpty || holds(type, "INT", "CHAR", "CLOB", "TEXT", "BLOB") { return false }
        return holds(type, "REAL", "FLOA", "DOUB")
    }

    /// By bytes, as SQLite compares them.
    private static func holds(_ type: String, _ words: String...) -> Bool { words.contains { strstr(type, $0) != nil } }
}

extension Column {
    /// What SQLite does to values of the column, section 3.1 of "Datatypes In SQLite".
    enum Affinity: Sendable {
        case none, text, numeric, real

        /// True when a value of this type may be stored as another one.
        @inline(__always)
        func mayConvert(_ type: Int32) -> Bool {
            switch self {
            case .none: false
            case .text: type == SQLITE_INTEGER || type == SQLITE_FLOAT
            case .numeric: type == SQLITE_TEXT || type == SQLITE_FLOAT
            case .real: type == SQLITE_TEXT
            }
        }
    }

    var affinity: Affinity {
        if hasRealAffinity { return .real }
        let type = declaredType.uppercased()
        if Column.holds(type, "INT") { return .numeric }
        if Column.holds(type, "CHAR", "CLOB", "TEXT") { return .text }
        return type.isEmpty || Column.holds(type, "BLOB") ? .none : .numeric
    }
}

extension TableLayout {
    /// What undo needs to read old row images. Unique and foreign keys are facts of their time, recorded apart.
    public var json: JSONValue {
        [
            "name": .string(name), "key": keyJSON,
            "integer_primary_key": integerPrimaryKey.map { JSONValue($0) } ?? .null,
            "strict": .bool(isStrict), "autoincrement": .bool(isAutoincrement), "role": roleJSON,
            "columns": .array(columns.map(\.json)),
        ]
    }

    private var keyJSON: JSONValue {
        switch key {
        case .rowid(let alias): ["rowid": JSONValue(alias)]
        case .primaryKey(let positions): ["columns": .array(positions.map { JSONValue($0) })]
        }
    }

    private var roleJSON: JSONValue {
        switch role {
        case .ordinary: "ordinary"
        case .system: "system"
        case .shadow(let owner): ["shadow": .string(owner)]
        }
    }

    /// Nil when the document is not of this form.
    public init?(json: JSONValue) {
        guard let name = json["name"]?.string, let columns = json["columns"]?.array?.map(Column.init(json:)),
            let key = json["key"]
        else { return nil }
        let known = columns.compactMap(\.self)
        guard known.count == columns.count else { return nil }
        let positions = key["columns"]?.array?.compactMap { $0.integer.map(Int.init) }
        let role: Role =
            json["role"]?["shadow"]?.string.map { .shadow(of: $0) } ?? (json["role"] == "system" ? .system : .ordinary)
        self.init(
            name: name, columns: known,
            key: positions.map(Key.primaryKey) ?? .rowid(alias: key["rowid"]?.string),
            integerPrimaryKey: json["integer_primary_key"]?.integer.map(Int.init),
            isStrict: json["strict"]?.bool ?? false, isAutoincrement: json["autoincrement"]?.bool ?? false, role: role,
            uniqueIndexes: [], foreignKeys: [], sql: "")
    }

    /// True when images of the other layout fit rows of this one.
    public func holdsSameRows(as other: TableLayout) -> Bool { json == other.json }
}

extension Column {
    var json: JSONValue {
        let kind: JSONValue =
            switch generated {
            case .no: "no"
            case .virtual: "virtual"
            case .stored: "stored"
            }
        return [
            "name": .string(name), "type": .string(declaredType), "not_null": .bool(isNotNull),
            "default": .bool(hasDefault), "generated": kind, "primary_key": JSONValue(primaryKeyPosition),
        ]
    }

    init?(json: JSONValue) {
        guard let name = json["name"]?.string, let type = json["type"]?.string else { return nil }
        let generated: Generated =
            switch json["generated"]?.string {
            case "virtual": .virtual
            case "stored": .stored
            default: .no
            }
        self.init(
            name: name, declaredType: type, hasRealAffinity: Column.hasRealAffinity(declaredType: type),
            isNotNull: json["not_null"]?.bool ?? false, hasDefault: json["default"]?.bool ?? false,
            generated: generated, primaryKeyPosition: Int(json["primary_key"]?.integer ?? 0))
    }
}

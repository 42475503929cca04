public import BatchCore
public import BatchLedger

/// Statements that update some, delete some and insert some rows of every table of any database.
///
/// What a table does not allow (constraints, modules or functions that are missing) is found on a scratch copy and left out.
public struct MixedBatch {
    /// Statements that ran, table by table.
    public private(set) var statements: [(table: String, sql: [String])] = []

    /// - Parameter scratch: a copy of the database that the statements are tried on. It is changed.
    public init(_ scratch: Connection) throws(BatchError) {
        let schema = SchemaReader(scratch)
        let layouts = try schema.tables().filter { $0.role == .ordinary }
        let virtual = try schema.virtualTables().map(\.name)
        for layout in layouts { try add(layout.name, MixedBatch.candidates(layout), scratch) }
        for name in virtual { try add(name, MixedBatch.candidates(virtual: name, scratch), scratch) }
    }

    public var all: [String] { statements.flatMap(\.sql) }

    private mutating func add(_ table: String, _ groups: [[String]], _ scratch: Connection) throws(BatchError) {
        var kept: [String] = []
        for group in groups {
            // The first statement of a group that the table allows.
            for sql in group {
                let accepted: Bool
                do throws(BatchError) {
                    try scratch.execute(sql)
                    accepted = true
                } catch { accepted = false }
                if accepted {
                    kept.append(sql)
                    break
                }
            }
        }
        if !kept.isEmpty { statements.append((table, kept)) }
    }

    private static func candidates(_ layout: TableLayout) -> [[String]] {
        let table = layout.quotedName
        let some = selector(layout)
        let key = Set(layout.columns.indices.filter { layout.columns[$0].primaryKeyPosition > 0 })
        let names = layout.storedColumns.filter { !key.contains($0) }.map { SQLName.quote(layout.columns[$0].name) }
        let stored = layout.storedColumns.map { SQLName.quote(layout.columns[$0].name) }
        let keyNames = key.sorted().map { SQLName.quote(layout.columns[$0].name) }
        var groups: [[String]] = []
        let terms = names.map { "\($0) = \(changed($0))" }
        groups.append(
            ["UPDATE \(table) SET \(terms.joined(separator: ", ")) WHERE \(some) % 3 = 1"]
                + names.map {
                    "UPDATE \(table) SET \($0) = \(changed($0)) WHERE \(some) % 3 = 1"
                })
        for name in keyNames { groups.append(["UPDATE \(table) SET \(name) = \(changed(name)) WHERE \(some) % 7 = 2"]) }
        groups.append(
            ["DELETE FROM \(table) WHERE \(some) % 5 = 0"]
                + (2..<6).map { "DELETE FROM \(table) WHERE \(some) % 7 = \($0)" })
        let copies = stored.map { keyNames.contains($0) ? unused($0, table) : changed($0) }
        let list = stored.joined(separator: ", ")
        groups.append([
            "INSERT INTO \(table)(\(list)) SELECT \(copies.joined(separator: ", ")) FROM \(table) LIMIT 5",
            "INSERT INTO \(table)(\(names.joined(separator: ", "))) SELECT \(names.map(changed).joined(separator: ", ")) FROM \(table) LIMIT 5",
            "INSERT OR REPLACE INTO \(table)(\(list)) SELECT \(list) FROM \(table) LIMIT 5",
            "INSERT INTO \(table)(\(list)) VALUES(\(stored.map { _ in "7" }.joined(separator: ", ")))",
        ])
        groups.append([
            "INSERT INTO \(table)(\(list)) SELECT \(copies.joined(separator: ", ")) FROM \(table) WHERE \(some) % 3 = 1 LIMIT 1"
        ])
        groups.append(["UPDATE \(table) SET \(terms.first ?? "x = 1") WHERE \(some) % 4 = 1"])
        return groups
    }

    private static func candidates(virtual name: String, _ scratch: Connection) -> [[String]] {
        let table = SQLName.quote(name)
        let columns =
            (try? scratch.rows("SELECT name FROM pragma_table_info(?)", [.string(name)]))?.compactMap { $0[0].string }
            ?? []
        let quoted = columns.map(SQLName.quote)
        let list = quoted.joined(separator: ", ")
        let terms = quoted.dropFirst(columns.first == "id" ? 1 : 0)
        return [
            [
                "UPDATE \(table) SET \(terms.map { "\($0) = \(changed($0))" }.joined(separator: ", ")) WHERE rowid % 3 = 1"
            ],
            ["DELETE FROM \(table) WHERE rowid % 5 = 0"],
            [
                "INSERT INTO \(table)(rowid, \(list)) SELECT (SELECT max(rowid) FROM \(table)) + rowid, \(quoted.map(changed).joined(separator: ", ")) FROM \(table) LIMIT 9",
                "INSERT INTO \(table)(\(list)) VALUES(\(quoted.indices.map { $0 == 0 ? "1000001" : "\($0 + 4)" }.joined(separator: ", ")))",
            ],
        ]
    }

    /// A number that chooses rows: the rowid, or something from the first key column.
    private static func selector(_ layout: TableLayout) -> String {
        if let rowid = layout.rowidName { return "abs(\(rowid) % 1000003)" }
        let position: Int
        if case .primaryKey(let positions) = layout.key { position = positions[0] } else { position = 0 }
        let name = SQLName.quote(layout.columns[position].name)
        return "unicode(substr('0' || hex(\(name)), -1))"
    }

    private static func changed(_ name: String) -> String {
        """
        CASE typeof(\(name)) WHEN 'integer' THEN \(name) + 1 WHEN 'real' THEN \(name) * 1.5 WHEN 'text' THEN \(name) || 'é✓x' \
        WHEN 'blob' THEN x'00ff' || \(name) ELSE 'new' END
        """
    }

    private static func unused(_ name: String, _ table: String) -> String {
        """
        CASE typeof(\(name)) WHEN 'integer' THEN \(name) + 1000 + (SELECT count(*) FROM \(table)) WHEN 'real' THEN \(name) + 1e7 \
        WHEN 'text' THEN \(name) || '-copy' ELSE x'00ff01' || \(name) END
        """
    }
}

internal import BatchCore
internal import BatchLedger

/// The full-text indexes that are built from a table: what they keep of a row cannot be told apart from what they keep of
/// others, so an erasure lets their module take it out.
struct TextIndexes {
    private struct Index {
        let name: String
        let isFTS5: Bool
        let columns: [String]
        var quoted: String { SQLName.quote(name) }
        var sizes: String { SQLName.quote(name + "_docsize") }
    }

    private let connection: Connection
    private let table: TableLayout
    private let indexes: [Index]

    /// - Parameter table: as it is on this connection.
    init(of table: TableLayout, on connection: Connection) throws(BatchError) {
        self.connection = connection
        self.table = table
        var found: [Index] = []
        for object in try SchemaReader(connection).virtualTables() {
            guard let module = SQLText.module(ofVirtualTable: object.sql ?? ""), module.name.hasPrefix("fts"),
                let content = module.arguments.last(where: { $0.lowercased().hasPrefix("content=") }),
                TextIndexes.unquoted(String(content.dropFirst("content=".count))) == table.name.lowercased()
            else { continue }
            let columns = try connection.rows(
                "SELECT name FROM pragma_table_info(?)", [.string(object.name)]
            ).compactMap { $0[0].string }
            found.append(Index(name: object.name, isFTS5: module.name == "fts5", columns: columns))
        }
        indexes = found
    }

    private static func unquoted(_ name: String) -> String {
        let marks: [Character: Character] = ["'": "'", "\"": "\"", "`": "`", "[": "]"]
        guard let first = name.first, let last = marks[first], name.last == last, name.count > 1 else {
            return name.lowercased()
        }
        return String(name.dropFirst().dropLast()).replacing("\(first)\(first)", with: "\(first)").lowercased()
    }

    var isEmpty: Bool { indexes.isEmpty }
    var names: [String] { indexes.map(\.name) }

    /// True of a table that holds the data of one of them.
    func holds(_ layout: TableLayout) -> Bool {
        if case .shadow(let owner) = layout.role { names.contains(owner) } else { false }
    }

    /// Takes the rows out of the table and out of every index.
    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when a module or tokenizer is not here.
    func erase(_ keys: Set<RowKey>, _ deleteRows: () throws(BatchError) -> Void) throws(BatchError) {
        var whole: Set<String> = []
        for index in indexes {
            if try covers(index) {
                whole.insert(index.name)
            } else {
                try forget(keys, index)
            }
        }
        try deleteRows()
        for index in indexes {
            // What is only marked as gone stays in older parts of an index until they are merged.
            let command = whole.contains(index.name) ? "rebuild" : "optimize"
            try run("INSERT INTO main.\(index.quoted)(\(index.quoted)) VALUES('\(command)')", [], index)
        }
        // A module keeps in memory what it has to write until a savepoint or the end of the transaction.
        try connection.execute("SAVEPOINT batchmgr_index; RELEASE batchmgr_index")
    }

    /// False for an index of some of the rows: built anew it would hold all of them.
    private func covers(_ index: Index) throws(BatchError) -> Bool {
        guard
            try connection.value(
                "SELECT 1 FROM main.sqlite_schema WHERE name = ?", [.string(index.name + "_docsize")]) != nil
        else { return true }
        let counts = try connection.rows(
            "SELECT (SELECT count(*) FROM main.\(index.sizes)), (SELECT count(*) FROM main.\(table.quotedName))")
        return counts.first.map { $0[0] == $0[1] } ?? true
    }

    private func forget(_ keys: Set<RowKey>, _ index: Index) throws(BatchError) {
        let list = index.columns.map(SQLName.quote).joined(separator: ", ")
        for case .rowid(let rowid) in keys {
            let isThere = try connection.value(
                "SELECT 1 FROM main.\(index.sizes) WHERE \(index.isFTS5 ? "id" : "docid") = ?", [.integer(rowid)])
            guard isThere != nil else { continue }
            if !index.isFTS5 {
                try run("DELETE FROM main.\(index.quoted) WHERE docid = ?", [.integer(rowid)], index)
                continue
            }
            let rows = try connection.rows(
                "SELECT \(list) FROM main.\(table.quotedName) WHERE \(table.keyCondition)", [.integer(rowid)])
            guard let row = rows.first else { continue }
            let marks = row.map { _ in ", ?" }.joined()
            try run(
                "INSERT INTO main.\(index.quoted)(\(index.quoted), rowid, \(list)) VALUES('delete', ?\(marks))",
                [.integer(rowid)] + row, index)
        }
    }

    private func run(_ sql: String, _ values: [SQLValue], _ index: Index) throws(BatchError) {
        do {
            try connection.run(sql, values)
        } catch {
            throw BatchError(
                .notUndoable, "the full-text index \(index.name) cannot be written here: \(error.message)",
                hint: "drop the index, erase, and make it again in the application that has its module")
        }
    }
}

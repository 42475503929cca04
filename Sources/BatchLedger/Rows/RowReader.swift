public import BatchCore
internal import CSQLite

extension Statement {
    /// Appends columns of the current row in `RowCodec` form, straight from SQLite's memory.
    /// - Parameter kept: takes long values; nil to copy them.
    func encodeColumns(
        _ columns: Range<Int>, isUTF16: Bool, into buffer: inout ByteBuffer, keeping kept: KeptValues? = nil
    ) {
        func append(_ tag: UInt8, _ start: UnsafeRawPointer?, _ count: Int32) {
            let bytes = UnsafeRawBufferPointer(start: start, count: Int(count))
            if bytes.count >= KeptValues.long, kept?.keep(tag, bytes, in: &buffer) == true { return }
            buffer.appendBytes(tag, start, bytes.count)
        }
        for column in columns {
            let index = Int32(column)
            switch sqlite3_column_type(handle, index) {
            case SQLITE_INTEGER: buffer.appendInteger(sqlite3_column_int64(handle, index))
            case SQLITE_FLOAT: buffer.appendReal(sqlite3_column_double(handle, index))
            case SQLITE_TEXT where isUTF16:
                let start = sqlite3_column_text16(handle, index)
                append(RowCodec.Tag.text16, start, sqlite3_column_bytes16(handle, index))
            case SQLITE_TEXT:
                let start = UnsafeRawPointer(sqlite3_column_text(handle, index))
                append(RowCodec.Tag.text, start, sqlite3_column_bytes(handle, index))
            case SQLITE_BLOB:
                let start = sqlite3_column_blob(handle, index)
                append(RowCodec.Tag.blob, start, sqlite3_column_bytes(handle, index))
            default: buffer.append(RowCodec.Tag.null)
            }
        }
    }
}

/// All rows of a table in key order, one at a time.
public struct RowReader {
    private let connection: Connection
    private let layout: TableLayout
    private let statement: Statement
    private let keyColumns: Int
    private let columns: Range<Int>
    private let isUTF16: Bool

    /// - Parameter condition: SQL after WHERE, with the values it binds.
    public init(
        _ layout: TableLayout, on connection: Connection, where condition: String? = nil, _ parameters: [SQLValue] = []
    ) throws(BatchError) {
        self.connection = connection
        self.layout = layout
        isUTF16 = connection.isUTF16
        keyColumns = layout.rowidName == nil ? 0 : 1
        var sql = "SELECT "
        // A table may hold nothing but its rowid and generated columns.
        let columns = [layout.rowidName, layout.storedColumns.isEmpty ? nil : layout.storedColumnList].compactMap(
            \.self)
        sql += (columns.isEmpty ? ["NULL"] : columns).joined(separator: ", ")
        sql += " FROM main." + layout.quotedName
        if let condition { sql += " WHERE " + condition }
        if let order = layout.keyOrder { sql += " ORDER BY " + order }
        self.columns = 0..<keyColumns + layout.storedColumns.count
        statement = try connection.prepare(sql)
        try statement.bind(parameters)
    }

    /// The next row; nil after the last. `key` is nil when the rowid cannot be named (see `TableLayout.rowidName`).
    public func next() throws(BatchError) -> (key: RowKey?, values: [SQLValue])? {
        guard try statement.step() else { return nil }
        let values = (0..<layout.storedColumns.count).map { statement.value(keyColumns + $0) }
        switch layout.key {
        case .primaryKey(let positions):
            let stored = layout.storedColumns
            let key = positions.compactMap { position in stored.firstIndex(of: position).map { values[$0] } }
            return (.values(key), values)
        case .rowid(nil): return (nil, values)
        case .rowid: return (.rowid(statement.value(0).integer ?? 0), values)
        }
    }

    /// Appends the next row in `RowCodec` form, the rowid (where it can be named) before the stored columns; false after
    /// the last row.
    public func nextEncoded(into buffer: inout ByteBuffer) throws(BatchError) -> Bool {
        guard try statement.step() else { return false }
        statement.encodeColumns(columns, isUTF16: isUTF16, into: &buffer)
        return true
    }

    /// Sums the hashes of all remaining rows without making values of them.
    public func digest() throws(BatchError) -> TableDigest {
        var sum = TableDigest()
        var buffer = ByteBuffer()
        let columns = keyColumns..<keyColumns + layout.storedColumns.count
        while try statement.step() {
            buffer.removeAll()
            statement.encodeColumns(columns, isUTF16: isUTF16, into: &buffer)
            sum.digest += buffer.digest()
            sum.rows += 1
        }
        return sum
    }
}

/// Rows of one table by their keys, as SELECT returns them.
public final class TableRows {
    private let statement: Statement
    private let columns: Int

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when the columns hide the rowid: see `Connection.withVisibleRowid`.
    public convenience init(_ layout: TableLayout, on connection: Connection) throws(BatchError) {
        try self.init(layout, on: connection, byKeyAlone: false)
    }

    /// - Parameter isKeyAlone: never through another index, from which SQLite may have taken the row already while the
    ///   hook is called.
    init(_ layout: TableLayout, on connection: Connection, byKeyAlone isKeyAlone: Bool) throws(BatchError) {
        let condition: String
        var index = ""
        switch layout.key {
        case .rowid:
            guard let name = layout.rowidName else {
                throw BatchError(
                    .notUndoable, "rows of table \(layout.name) cannot be named: its columns hide the rowid",
                    hint: "give one of the columns rowid, _rowid_, oid another name")
            }
            condition = "\(name) = ?"
        case .primaryKey(let positions):
            condition = positions.map { SQLName.quote(layout.columns[$0].name) + " = ?" }.joined(separator: " AND ")
            let hasOther = layout.uniqueIndexes.contains { other in
                !other.isPrimaryKey && !other.columns.contains { $0.map { !positions.contains($0) } ?? true }
            }
            if isKeyAlone, hasOther, let own = layout.uniqueIndexes.first(where: \.isPrimaryKey) {
                index = " INDEXED BY " + SQLName.quote(own.name)
            }
        }
        columns = layout.storedColumns.count
        let list = columns == 0 ? "NULL" : layout.storedColumnList
        statement = try connection.prepare("SELECT \(list) FROM main.\(layout.quotedName)\(index) WHERE \(condition)")
    }

    /// False when there is no such row.
    /// - Parameter keeper: says for the position of a column where its long values go; nil to copy them.
    func read(
        _ key: [SQLValue], isUTF16: Bool, into row: inout RowBuffer, keeper: (Int) -> KeptValues? = { _ in nil }
    ) throws(BatchError) -> Bool {
        defer { statement.reset() }
        try statement.bind(key)
        row.begin(columns: columns)
        guard try statement.step() else { return false }
        for column in 0..<columns {
            row.mark(column)
            statement.encodeColumns(
                column..<column + 1, isUTF16: isUTF16, into: &row.buffer, keeping: keeper(column))
        }
        row.mark(columns)
        return true
    }

    /// The stored values; nil when there is no such row. "=" also finds a key that differs in case only.
    public func row(_ key: RowKey) throws(BatchError) -> [SQLValue]? {
        defer { statement.reset() }
        try statement.bind(key.parameters)
        return try statement.step() ? Array(statement.values.prefix(columns)) : nil
    }
}

/// Finds the row that a person means by a typed key.
public struct RowLookup {
    private let connection: Connection
    private let layout: TableLayout

    public init(connection: Connection, layout: TableLayout) {
        self.connection = connection
        self.layout = layout
    }

    /// The key and, when the row is there now, its values.
    /// - Throws: `ERR_UX_USAGE` when the key has another number of columns.
    public func find(_ typed: [SQLValue]) throws(BatchError) -> (key: RowKey, row: [SQLValue]?) {
        let primary = layout.columns.indices.filter { layout.columns[$0].primaryKeyPosition > 0 }
            .sorted { layout.columns[$0].primaryKeyPosition < layout.columns[$1].primaryKeyPosition }
        if !primary.isEmpty, typed.count == primary.count {
            let terms = primary.map { "\(SQLName.quote(layout.columns[$0].name)) = ?" }.joined(separator: " AND ")
            for values in [typed, typed.map(RowLookup.asText)] {
                if let found = try read(terms, values) { return found }
            }
        }
        switch layout.key {
        case .rowid:
            guard typed.count == 1, let rowid = typed[0].integer else { throw wrongShape(max(primary.count, 1)) }
            guard let name = layout.rowidName else { return (.rowid(rowid), nil) }
            return (.rowid(rowid), try read("\(name) = ?", typed)?.row)
        case .primaryKey(let positions):
            guard typed.count == positions.count else { throw wrongShape(positions.count) }
            return (.values(zip(positions, typed).map { stored($1, as: layout.columns[$0]) }), nil)
        }
    }

    private func read(_ condition: String, _ values: [SQLValue]) throws(BatchError) -> (key: RowKey, row: [SQLValue])? {
        guard let found = try RowReader(layout, on: connection, where: condition, values).next(), let key = found.key
        else { return nil }
        return (key, found.values)
    }

    /// Digits may be meant as text.
    private static func asText(_ value: SQLValue) -> SQLValue { value.integer.map { .string(String($0)) } ?? value }

    /// A row that is gone is found by the value as the column would have stored it.
    private func stored(_ value: SQLValue, as column: Column) -> SQLValue {
        let type = column.declaredType.uppercased()
        let isText = ["CHAR", "CLOB", "TEXT"].contains { type.contains($0) }
        let text = isText ? RowLookup.asText(value) : value
        guard connection.isUTF16, let string = text.string else { return text }
        return .text16(string.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] })
    }

    private func wrongShape(_ count: Int) -> BatchError {
        let shape = count == 1 ? "one value" : "a list of \(count) values"
        return BatchError(
            .usage, "the key of table \(layout.name) is \(shape)",
            hint: "see keys: \(command: "diff --id BATCH --table \(SQLName.quote(layout.name))")")
    }
}

internal import BatchCore

/// Works out keys that the stored columns of a row do not show: values of generated columns and of expressions, rows that
/// a partial index leaves out, and references that equal the parent's key only once they are converted.
///
/// SQLite does the work, in a database in memory that has the table and one row of it at a time. So values are converted
/// and compared as SQLite does it, and nothing is asked of the connection whose row is changing.
final class ComputedKeys {
    /// What a key is made of: an expression over the columns of the table, and how its value is stored.
    struct Term: Hashable {
        let sql: String
        let affinity: Column.Affinity
    }

    private let columns: Int
    private let isUTF16: Bool
    private let connection: Connection
    private let insertion: Statement
    private let others: [Statement]
    private let answer: Statement
    private let terms: Int
    /// Of the row before a change and of that after it, once they are asked for.
    private var values = (before: RowBuffer(), after: RowBuffer())
    private var isKnown = (before: Bool?.none, after: Bool?.none)

    /// - Throws: when SQLite knows a function of the table only in another program.
    init(_ layout: TableLayout, _ terms: [Term], isUTF16: Bool) throws(BatchError) {
        self.isUTF16 = isUTF16
        self.terms = terms.count
        columns = layout.storedColumns.count
        connection = try Connection(path: ":memory:")
        connection.tolerateUnknownCollations()
        if isUTF16 { try connection.execute("PRAGMA encoding = 'UTF-16le'") }
        try connection.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; BEGIN")
        try connection.execute(layout.sql, isVerbatim: true)
        let keys = ComputedKeys.keysTable
        let declared = terms.indices.map { "k\($0) \(ComputedKeys.type(terms[$0].affinity))" }.joined(separator: ", ")
        try connection.execute("CREATE TABLE \(keys)(\(declared))")
        let table = "main.\(layout.quotedName)"
        let marks = layout.storedColumns.map { _ in "?" }.joined(separator: ", ")
        insertion = try connection.prepare(
            columns == 0
                ? "INSERT INTO \(table) DEFAULT VALUES"
                : "INSERT OR REPLACE INTO \(table)(\(layout.storedColumnList)) VALUES(\(marks))")
        others = [
            try connection.prepare("DELETE FROM \(table)"), try connection.prepare("DELETE FROM \(keys)"),
            try connection.prepare(
                "INSERT INTO \(keys) SELECT \(terms.map(\.sql).joined(separator: ", ")) FROM \(table)"),
        ]
        answer = try connection.prepare("SELECT * FROM \(keys)")
    }

    private static let keysTable = "batchmgr_keys"

    private static func type(_ affinity: Column.Affinity) -> String {
        switch affinity {
        case .none: "BLOB"
        case .text: "TEXT"
        case .numeric: "NUMERIC"
        case .real: "REAL"
        }
    }

    /// Call it for every change: the rows are others now.
    func begin() { isKnown = (nil, nil) }

    /// The values of all terms for a row, in `RowCodec` form; nil when SQLite cannot tell.
    func values(of row: RowBuffer, isAfter: Bool) -> RowBuffer? {
        if let known = isAfter ? isKnown.after : isKnown.before {
            return known ? isAfter ? values.after : values.before : nil
        }
        let isThere: Bool
        if isAfter {
            isThere = (try? compute(row, into: &values.after)) ?? false
            isKnown.after = isThere
        } else {
            isThere = (try? compute(row, into: &values.before)) ?? false
            isKnown.before = isThere
        }
        return isThere ? isAfter ? values.after : values.before : nil
    }

    private func compute(_ row: RowBuffer, into values: inout RowBuffer) throws(BatchError) -> Bool {
        for statement in others[..<2] { try run(statement) }
        var binder = ValueBinder(insertion, row.buffer.bytes)
        try binder.bindEncoded(columns, at: 0)
        try binder.run()
        try run(others[2])
        defer { answer.reset() }
        guard try answer.step() else { return false }
        values.begin(columns: terms)
        for term in 0..<terms {
            values.mark(term)
            answer.encodeColumns(term..<term + 1, isUTF16: isUTF16, into: &values.buffer)
        }
        values.mark(terms)
        return true
    }

    private func run(_ statement: Statement) throws(BatchError) {
        defer { statement.reset() }
        while try statement.step() {}
    }
}

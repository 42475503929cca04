public import BatchCore
internal import CSQLite

/// The columns that a query reads, as SQLite's compiler tells: through views and subqueries too.
///
public struct ColumnsRead {
    private final class Gathered {
        var columns: [String: Set<String>] = [:]
    }

    /// By table, names as SQLite compares them. One without a name: that its rows are counted.
    public let columns: [String: Set<String>]

    /// - Parameter connection: one of ours, on which no statement of a batch is being prepared.
    /// - Throws: `ERR_DATA_SQL` when the query cannot be compiled there, as with functions that this connection lacks.
    public init(of sql: String, on connection: Connection) throws(BatchError) {
        let gathered = Gathered()
        sqlite3_set_authorizer(
            connection.handle,
            { context, action, table, column, _, _ in
                guard action == SQLITE_READ, let context, let table, let column else { return SQLITE_OK }
                Unmanaged<Gathered>.fromOpaque(context).takeUnretainedValue()
                    .columns[SQLName.folded(String(cString: table)), default: []]
                    .insert(SQLName.folded(String(cString: column)))
                return SQLITE_OK
            }, Unmanaged.passUnretained(gathered).toOpaque())
        defer { connection.hooks.restoreAuthorizer() }
        _ = try connection.prepare(sql, isVerbatim: true)
        columns = gathered.columns
    }

    public func reads(_ table: String) -> Bool { columns[SQLName.folded(table)] != nil }

    /// Places among the stored columns of a table that the query reads; nil when it also reads what is not stored so: the
    /// rowid, a generated column.
    public func places(in layout: TableLayout) -> [Int]? {
        let names = layout.storedColumns.map { SQLName.folded(layout.columns[$0].name) }
        let wanted = (columns[SQLName.folded(layout.name)] ?? []).filter { !$0.isEmpty }
        let places = wanted.compactMap { names.firstIndex(of: $0) }
        return places.count == wanted.count ? places : nil
    }
}

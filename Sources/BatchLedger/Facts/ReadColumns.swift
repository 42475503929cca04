internal import BatchCore

/// What statements read, as far as SQLite's compiler can tell: tables, columns, and the views and triggers on the way.
final class ReadColumns {
    /// Names of columns by table; no column for a table of which only the rows as such matter.
    private(set) var columns: [String: Set<String>] = [:]
    /// Views and triggers that the statement goes through.
    private(set) var sources: Set<String> = []
    /// Tables in which a unique key may decide what happens to a row: `OR IGNORE`, `OR REPLACE`, an upsert.
    private(set) var probed: Set<String> = []
    /// Tables that the statement inserts into or updates.
    private(set) var written: Set<String> = []

    func note(_ column: String?, of table: String) {
        columns[table, default: []].formUnion(column.map { [$0] } ?? [])
    }

    func note(source: String) { sources.insert(source) }

    func note(written table: String) { written.insert(table) }

    func noteProbes() { probed.formUnion(written) }

    func formUnion(_ other: ReadColumns) {
        columns.merge(other.columns) { $0.union($1) }
        sources.formUnion(other.sources)
        probed.formUnion(other.probed)
        written.formUnion(other.written)
    }
}

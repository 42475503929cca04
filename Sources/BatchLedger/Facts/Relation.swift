public import BatchCore

/// A set of keys that facts are about: the rows of a table, or the values of one of its unique keys.
struct Relation: Hashable {
    enum Kind: String {
        case rows, unique
        /// The definition of a table: its one key stands for all that depends on the layout.
        case definition
        /// A set of columns of a table that statements read, or that updates wrote: its one key stands for all of them.
        case columns
    }

    let kind: Kind
    let table: String
    /// Column names of the unique key in lower case, joined by commas; empty for `rows`.
    let columns: String

    static func rows(_ table: String) -> Relation { Relation(kind: .rows, table: table, columns: "") }
    static func definition(of object: SchemaObject) -> Relation {
        .definition(object.type == "table" ? object.name : "\(object.type) \(object.name)")
    }
    /// - Parameter names: empty for the rows as such, e.g. how many there are; nil for all columns.
    static func columns(_ table: String, _ names: Set<String>?) -> Relation {
        Relation(kind: .columns, table: table, columns: names.map { $0.sorted().joined(separator: ",") } ?? "*")
    }
    static func definition(_ table: String) -> Relation { Relation(kind: .definition, table: table, columns: "") }
    static func definition(ofSetting name: String) -> Relation { .definition("setting \(name)") }
    /// What ANALYZE found out about a table.
    static func statistics(of table: String) -> Relation { .definition("statistics of \(table)") }
}

/// What a checkpoint did with a definition.
struct DefinitionFact: Hashable {
    let relation: Relation
    let side: FactSide
}

/// What a checkpoint did with the keys of a relation.
enum FactSide: Int64, CaseIterable {
    case added = 0
    case changed = 1
    case removed = 2
    /// A row now refers to the key through a foreign key.
    case referenced = 3
    /// A row that referred to the key does no longer; a definition that named the other is gone.
    case released = 4
    /// A row was updated with the values that it had: nothing to undo, but it would not be so without them.
    case confirmed = 5
    /// Columns were read. Noted with the first checkpoint of a run of the batch that did.
    case read = 6
    /// Columns were updated. Noted likewise; rows added and removed touch all columns anyway.
    case written = 7
}

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

extension Ledger {
    /// How many of the rows that a batch wrote have other values than before; each checkpoint counts its own, unless they
    /// may have undone each other.
    public func changedRows(of batch: BatchRecord) throws(BatchError) -> Int {
        let checkpoints = try checkpoints(of: batch.seq).map(\.id)
        let tables = try touchedRows(in: checkpoints)
        let counted = tables.filter { !$0.key.hasPrefix("sqlite_") }.reduce(0) { $0 + $1.value.total }
        guard counted > 0, batch.leftDigest else { return counted }
        // Where the log is gone, the facts are what is known.
        return (try? netRows(of: checkpoints)) ?? counted
    }

    private func netRows(of checkpoints: [Int64]) throws(BatchError) -> Int {
        let changes = try BatchChanges(self, checkpoints: checkpoints)
        var count = 0
        for table in changes.tables where !table.name.hasPrefix("sqlite_") {
            try changes.forEachChange(of: table) { (_) throws(BatchError) in count += 1 }
        }
        return count
    }

    /// It has ended, and the database is as it was before: an export, a SELECT, a job that found nothing to do, an UPDATE
    /// with the values that rows had.
    public func hasChangedNothing(_ batch: BatchRecord) throws(BatchError) -> Bool {
        guard batch.leftDigest else { return false }
        if batch.rows.total == 0 { return true }
        return try changedRows(of: batch) == 0
    }

    /// Whether the latest batch of a job ended well without a change. False for one that changed rows back and forth.
    public func hasLastChangedNothing(_ job: String) throws(BatchError) -> Bool {
        let sql = """
            SELECT status = 'committed' AND inserted + updated + deleted = 0 AND has_ddl = 0 \
            FROM main.batchmgr_batches WHERE job = ? ORDER BY number DESC LIMIT 1
            """
        return try connection.value(sql, [.string(job)])?.integer == 1
    }

    /// How many rows of each table some checkpoints touched, from their facts alone. A row that several checkpoints
    /// touched counts for each of them.
    public func touchedRows(in checkpoints: [Int64]) throws(BatchError) -> [String: RowCounts] {
        var counts: [String: RowCounts] = [:]
        for checkpoint in checkpoints {
            let sql = """
                SELECT r.table_name, f.side, sum(f.count) FROM main.batchmgr_facts f JOIN main.batchmgr_relations r ON r.id = f.relation \
                WHERE f.checkpoint = ? AND r.kind = 'rows' GROUP BY 1, 2
                """
            for row in try connection.rows(sql, [.integer(checkpoint)]) {
                guard let table = row[0].string, let side = row[1].integer.flatMap(FactSide.init) else { continue }
                let count = Int(row[2].integer ?? 0)
                switch side {
                case .added: counts[table, default: RowCounts()].inserted += count
                case .changed: counts[table, default: RowCounts()].updated += count
                case .removed: counts[table, default: RowCounts()].deleted += count
                default: break
                }
            }
        }
        return counts
    }
}

internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Gathers what a restore point is made from.
struct PointSource {
    struct Content {
        let changes: BatchChanges
        /// Those that the point adds to the one before.
        let checkpoints: [Int64]
        let before: StateDigest
        let after: DatabaseState
        let counts: [TableCount]
        /// All rows are to be written: a baseline, or drift.
        let isWhole: Bool
    }

    let session: Session
    let point: PointRecord
    let batch: BatchRecord?

    private var ledger: Ledger { session.ledger }

    func read() throws(BatchError) -> Content {
        let covered = try checkpoints()
        let now = try ledger.state() ?? StateDigest()
        let later = try ledger.checkpoints(where: "id > ?", [.integer(covered.last ?? point.lastCheckpoint)])
        let after = try now.subtracting(later.map(\.id), ledger)
        let before = try after.subtracting(covered, ledger)
        let changes = try BatchChanges(ledger, checkpoints: covered, spillFolder: session.backups)
        return Content(
            changes: changes, checkpoints: covered, before: before,
            after: try DatabaseState.read(session.connection, digest: after),
            counts: try counts(changes, covered, after), isWhole: point.batch == 0)
    }

    /// A table of the point whose rows are not those that the ledger knows; nil when there is none.
    func driftedTable() throws(BatchError) -> String? {
        let known = try ledger.state() ?? StateDigest()
        let schema = SchemaReader(session.connection)
        guard try schema.digest() == known.schema else { return "sqlite_schema" }
        var names: Set<String> = []
        for checkpoint in try checkpoints() {
            let rows = try session.connection.rows(
                "SELECT DISTINCT table_name FROM main.batchmgr_changes WHERE checkpoint = ?", [.integer(checkpoint)])
            names.formUnion(rows.compactMap { $0[0].string })
        }
        for name in names.sorted() {
            guard let layout = try schema.layout(named: name), layout.role != .system else { continue }
            let found = try StateDigest.compute(layout, session.connection)
            if found != known.tables[name] ?? TableDigest() { return name }
        }
        return nil
    }

    /// Checkpoints since the last point of the batch.
    private func checkpoints() throws(BatchError) -> [Int64] {
        guard let batch else { return [] }
        let covered =
            try ledger.points(where: "batch = ? AND status = 'complete'", [.integer(batch.seq)])
            .map(\.lastCheckpoint).max() ?? 0
        return try ledger.checkpoints(of: batch.seq).map(\.id).filter { $0 > covered && $0 <= point.lastCheckpoint }
    }

    /// For a point of the whole database.
    static func counts(of state: StateDigest) -> [TableCount] {
        state.tables.sorted { $0.key < $1.key }.map {
            TableCount(table: $0.key, rows: RowCounts(inserted: Int($0.value.rows)))
        }
    }

    /// Net changes are counted one by one only while they are few: a reader of `git log` wants an amount.
    private static let mostCounted = 20_000

    private func counts(
        _ changes: BatchChanges, _ covered: [Int64], _ state: StateDigest
    ) throws(BatchError) -> [TableCount] {
        guard batch != nil else {
            return point.kind == .drift
                ? []
                : PointSource.counts(of: state)
        }
        let touched = try ledger.touchedRows(in: covered)
        var counts: [TableCount] = []
        if touched.values.reduce(0, { $0 + $1.total }) > PointSource.mostCounted {
            return touched.sorted { $0.key < $1.key }.map { TableCount(table: $0.key, rows: $0.value) }
        }
        for table in changes.tables where table.after?.role ?? table.before?.role == .ordinary {
            var count = TableCount(table: table.name, rows: RowCounts())
            try changes.forEachChange(of: table) { (change) throws(BatchError) in
                switch (change.before, change.after) {
                case (nil, _): count.rows.inserted += 1
                case (_, nil): count.rows.deleted += 1
                default: count.rows.updated += 1
                }
            }
            counts.append(count)
        }
        return counts
    }
}

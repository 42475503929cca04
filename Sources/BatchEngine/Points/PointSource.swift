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
        /// Rows may have other numbers than the point before says, so it cannot be changed into this one row by row.
        let isRenumbered: Bool
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
            counts: try counts(changes, covered, after), isWhole: point.batch == 0,
            isRenumbered: try ledger.mayBeRenumbered(since: covered))
    }

    /// A table of the point whose rows are not those that the ledger knows; nil when there is none. Where a copy has to
    /// hold all rows, that may be any table.
    func driftedTable() throws(BatchError) -> String? {
        let known = try ledger.state() ?? StateDigest()
        let schema = SchemaReader(session.connection)
        guard try schema.digest() == known.schema else { return "sqlite_schema" }
        let checkpoints = try checkpoints()
        var names: Set<String> = []
        if try holdsAllRows(checkpoints) { names = Set(known.tables.keys).union(try schema.tables().map(\.name)) }
        for checkpoint in checkpoints {
            let rows = try session.connection.rows(
                "SELECT DISTINCT table_name FROM main.batchmgr_changes WHERE checkpoint = ?", [.integer(checkpoint)])
            names.formUnion(rows.compactMap { $0[0].string })
        }
        for name in names.sorted() {
            // T may have become t: its rows are counted there.
            guard let layout = try schema.layout(named: name), layout.name == name, layout.role != .system else {
                continue
            }
            let found = try StateDigest.compute(layout, session.connection)
            if found != known.tables[name] ?? TableDigest() { return name }
        }
        return nil
    }

    private func holdsAllRows(_ checkpoints: [Int64]) throws(BatchError) -> Bool {
        if batch?.hasSchemaChange == true { return true }
        if try ledger.lastPoint(where: "bak IS NOT NULL AND status = 'complete'") == nil { return true }
        return try ledger.mayBeRenumbered(since: checkpoints)
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

    /// How many rows of one table a point changed.
    struct TableCount {
        let table: String
        var rows: RowCounts
    }
}

/// The words of a restore point in git.
struct PointText {
    let branch: String
    let context: Context

    func message(
        _ point: PointRecord, _ batch: BatchRecord?, changes: [PointSource.TableCount], snapshot: BakFile?,
        digest: Digest,
        heads: SignedAuditHeads?
    ) -> PointMessage {
        var trailers: [PointMessage.Trailer] = []
        if let batch {
            trailers.append(.init("Batch-Id", batch.batch.description))
            if let version = batch.jobVersion { trailers.append(.init("Job-Version", version)) }
            if let tenant = batch.tenant { trailers.append(.init("Tenant", tenant)) }
            trailers.append(.init("Trace-Id", batch.traceID))
        }
        trailers.append(.init("Kind", point.kind.rawValue))
        if let snapshot { trailers.append(.init("Snapshot", "\(snapshot.name) SHA-256:\(snapshot.sha256)")) }
        trailers.append(.init("State-Digest", digest.description))
        if let undone = batch?.rollsBack { trailers.append(.init("Rolls-Back", undone)) }
        trailers += heads?.trailers ?? []
        let actor = batch?.actor ?? context.actor
        return PointMessage(
            subject: subject(point, batch, changes), body: body(batch, changes), trailers: trailers,
            author: .init(name: actor, email: "\(actor.filter { !$0.isWhitespace })@localhost"),
            time: Timestamp(iso8601: point.createdAt) ?? context.now())
    }

    private func subject(_ point: PointRecord, _ batch: BatchRecord?, _ changes: [PointSource.TableCount]) -> String {
        switch point.kind {
        case .baseline:
            return "Baseline of \(branch): \(amount(changes.map(\.rows.total).reduce(0, +), "row"))"
        case .drift: return "Drift: changes outside any batch" + (changes.isEmpty ? "" : " in \(names(changes))")
        case .rollback:
            return "\(batch.map { "\($0.batch)" } ?? "Rollback"): undo \(batch?.rollsBack ?? "") (\(counts(changes)))"
        case .batch, .restore:
            let state = batch?.status == .committed ? "" : " [\(batch?.status.rawValue ?? "")]"
            return "\(batch.map { "\($0.batch)" } ?? "Batch"): \(counts(changes))\(state)"
        }
    }

    /// `12 rows updated, 3 inserted in invoices, payments`
    private func counts(_ changes: [PointSource.TableCount]) -> String {
        let total = changes.reduce(into: RowCounts()) { $0 += $1.rows }
        let parts = [(total.updated, "updated"), (total.inserted, "inserted"), (total.deleted, "deleted")].filter {
            $0.0 > 0
        }
        guard let first = parts.first else {
            return changes.isEmpty ? "no rows changed" : "definition of \(names(changes)) changed"
        }
        let rest = parts.dropFirst().map { ", \($0.0) \($0.1)" }.joined()
        return "\(amount(first.0, "row")) \(first.1)\(rest) in \(names(changes))"
    }

    private func names(_ changes: [PointSource.TableCount]) -> String {
        let names = changes.map(\.table)
        return names.count > 3
            ? "\(names[0]), \(names[1]) and \(names.count - 2) more tables" : names.joined(separator: ", ")
    }

    private func amount(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    private func body(_ batch: BatchRecord?, _ changes: [PointSource.TableCount]) -> String {
        changes.map { change in
            "\(change.table): \(change.rows.inserted) inserted, \(change.rows.updated) updated, \(change.rows.deleted) deleted"
        }.joined(separator: "\n")
    }
}

extension PointText {
    /// What `body` said of all tables.
    static func rows(of message: PointMessage) -> RowCounts {
        var rows = RowCounts()
        for line in message.body.split(separator: "\n") {
            let counts = line.split(separator: " ").suffix(6).map { Int($0) }
            guard counts.count == 6, let inserted = counts[0], let updated = counts[2], let deleted = counts[4] else {
                continue
            }
            rows += RowCounts(inserted: inserted, updated: updated, deleted: deleted)
        }
        return rows
    }

    /// What `subject` said at its end.
    static func status(of message: PointMessage) -> BatchStatus {
        BatchStatus.allCases.first { message.subject.hasSuffix(" [\($0.rawValue)]") } ?? .committed
    }
}

extension Ledger {
    /// The hashes of the `.bak` files, by name: the shorter one where it is known.
    func recordedHashes() throws(BatchError) -> [String: FileHash] {
        let short = try fileHashes()
        var hashes: [String: FileHash] = [:]
        for point in try points(where: "status = 'complete' AND bak_sha256 IS NOT NULL") {
            guard let bak = point.bak, let sha256 = point.bakSHA256 else { continue }
            hashes[bak] = short[sha256].map(FileHash.xxh3) ?? .sha256(sha256)
        }
        return hashes
    }
}

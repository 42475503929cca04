internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Removes rows from every record for good: the undo log, the `.bak` files, the git history, and the table itself.
///
/// It is the one operation that rewrites history, and the one change of a database that no batch makes: a batch would
/// keep what is to be forgotten. Afterwards every record reads as if the rows had never been there.
public struct Erasure {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    private var ledger: Ledger { session.ledger }
    private var connection: Connection { session.connection }

    /// - Parameter confirm: asked with the number of rows before anything changes.
    /// - Throws: `ERR_UX_USAGE` when no batch and no schema knows the table or the condition is none; `ERR_DATA_NOT_UNDOABLE` when the
    ///   records cannot be rewritten; `ERR_DATA_CONFLICT` when other rows refer to those. Nothing has changed then.
    public func perform(
        _ request: EraseRequest, confirm: (Int) throws(BatchError) -> Bool
    ) throws(BatchError) -> EraseReport {
        try session.requireOperator("erase")
        let start = ContinuousClock.now
        if !request.isDryRun {
            try SwitchGate(session).require(.change, "erasure of rows of \(request.table)")
        }
        guard try ledger.exists() else {
            throw BatchError(
                .wrongState, "no batch has run on this database: there is no record to erase from",
                hint: "delete the rows: \(command: "run --id NAME --sql \"DELETE FROM …\"")")
        }
        let turn = try session.turn(for: LeaseWork("erase"))
        Leftovers(mayBeOwn: true).remove(backups: session.backups)
        let layout = try layout(request.table)
        let filter = try RowFilter(request.condition, layout)
        _ = try turn.openHistory()
        let git = GitErasure(session.git, branch: session.branch, table: layout.name)
        let log = LogErasure(ledger, table: layout)
        let found = try search(layout, filter, log, git)
        let report = EraseReport(
            table: layout.name, rows: found.keys.count, isDryRun: true, duration: start.millisecondsSince)
        if request.isDryRun || found.keys.isEmpty { return report }
        guard try confirm(found.keys.count) else { return report }
        return try erase(found, request, layout, log, git, turn, start)
    }

    /// Of the table as it is, or as it was last: its rows are in the records when it is gone.
    private func layout(_ table: String) throws(BatchError) -> TableLayout {
        let today = try SchemaReader(connection).layout(named: table)
        let last = try ledger.lastLayout(named: table)
        guard !SQLName.isLedger(table), let layout = today ?? last,
            layout.role == .ordinary, layout.key != .rowid(alias: nil)
        else {
            throw BatchError(
                .usage, "there is no table \(table) that rows can be erased from",
                hint: "name an ordinary table; a full-text index is written through its own table")
        }
        return layout
    }

    private func exists(_ layout: TableLayout) throws(BatchError) -> Bool {
        try SchemaReader(connection).layout(named: layout.name) != nil
    }

    // MARK: Search

    private struct Found {
        var keys: Set<RowKey> = []
        /// What the rows held, by column.
        var texts: [String: Set<String>] = [:]

        mutating func note(_ row: [SQLValue], _ layout: TableLayout) {
            for (value, position) in zip(row, layout.storedColumns) {
                if let text = value.string {
                    texts[layout.columns[position].name.lowercased(), default: []].insert(text)
                }
            }
        }
    }

    /// A row is meant when any version of it is.
    private func search(
        _ layout: TableLayout, _ filter: RowFilter, _ log: LogErasure, _ git: GitErasure
    ) throws(BatchError) -> Found {
        var found = Found()
        if try exists(layout) {
            let rows = try RowReader(layout, on: connection)
            while let row = try rows.next() {
                if let key = row.key, try filter.matches(layout, key, row.values) { found.keys.insert(key) }
            }
        }
        try log.forEachVersion { (then, key, row) throws(BatchError) in
            if !found.keys.contains(key), try filter.matches(then, key, row) { found.keys.insert(key) }
        }
        try git.forEachVersion { (then, key, row) throws(BatchError) in
            if !found.keys.contains(key), try filter.matches(then, key, row) { found.keys.insert(key) }
        }
        found.keys = try log.linked(found.keys)
        try log.forEachVersion { (then, key, row) in if found.keys.contains(key) { found.note(row, then) } }
        try git.forEachVersion { (then, key, row) in if found.keys.contains(key) { found.note(row, then) } }
        return found
    }

    // MARK: Erase

    private func erase(
        _ found: Found, _ request: EraseRequest, _ layout: TableLayout, _ log: LogErasure, _ git: GitErasure,
        _ turn: borrowing Turn, _ start: ContinuousClock.Instant
    ) throws(BatchError) -> EraseReport {
        let points = try PointRewrite(session, git, found.keys)
        try points.run()
        session.context.reach("erase-prepared")
        try connection.execute("PRAGMA secure_delete = ON")
        var entries = 0
        var live = 0
        try connection.transaction { () throws(BatchError) in
            let orphans = try orphanCount()
            entries = try log.erase(found.keys)
            if try exists(layout) { live = try log.eraseRows(found.keys, isKept: request.live == .keep) }
            guard try orphanCount() <= orphans else {
                throw BatchError(
                    .conflict, "rows of other tables refer to rows that would be erased",
                    hint: "erase or change those first: \(command: "erase --table CHILD --where CONDITION")")
            }
            try update(points)
            try PendingErasure(session: session).intend(
                table: layout.name, commits: points.commits, token: session.context.randomID())
            let words = try TextErasure(found.texts, try exists(layout) ? layout : nil, connection)
            let cleaned = try words.clean(connection)
            try words.clean(folder: session.backups)
            try ledger.audit(
                AuditChain.erasure, batch: nil, outcome: "erased",
                details: [
                    "table": .string(layout.name), "rows": JSONValue(found.keys.count),
                    "live": .string(request.live.rawValue),
                    "undo_entries": JSONValue(entries), "commits": JSONValue(points.commits.count),
                    "bak_files": JSONValue(points.files.count), AuditChain.voucherKey: AuditChain.vouchers(cleaned),
                ], context: session.context)
            try eraseFromControl(words)
        }
        session.context.reach("erase-committed")
        try PendingErasure(session: session).finish()
        let warnings = try tidy() + formerNames(log, layout)
        session.context.log.warnings(warnings, module: .command)
        if request.live == .keep {
            _ = try turn.openHistory()
        }
        DriftWatch(session: session).remember(version: connection.dataVersion)
        return EraseReport(
            table: layout.name, rows: found.keys.count, liveRows: live, entries: entries, commits: points.commits.count,
            files: points.files.count, warnings: warnings, isDryRun: false, duration: start.millisecondsSince)
    }

    private func eraseFromControl(_ words: TextErasure) throws(BatchError) {
        let control = try session.context.control(in: session.controlFolder)
        try control.correct(session.context.act(AuditChain.erasure, outcome: "erased")) {
            (connection) throws(BatchError) in
            let cleaned = try words.cleanAudit(connection)
            return cleaned.isEmpty
                ? nil : .object([.init(AuditChain.voucherKey, AuditChain.vouchers(cleaned))])
        }
    }

    private func orphanCount() throws(BatchError) -> Int { try connection.rows("PRAGMA foreign_key_check").count }

    private func update(_ rewrite: PointRewrite) throws(BatchError) {
        for var point in try ledger.points() {
            if let new = point.commit.flatMap({ CommitID($0) }).flatMap({ rewrite.commits[$0] }) {
                point.commit = new.description
            }
            if let new = point.digest.flatMap({ rewrite.digests[$0] }) { point.digest = new }
            if let file = rewrite.files[point.id] {
                point.bak = file.name
                point.bakSHA256 = file.sha256
            }
            try ledger.save(&point)
        }
        try ledger.forgetFiles()
        for var batch in try ledger.batches() {
            batch.digestBefore = batch.digestBefore.map { rewrite.digests[$0] ?? $0 }
            batch.digestAfter = batch.digestAfter.map { rewrite.digests[$0] ?? $0 }
            try ledger.update(batch)
        }
    }

    private func formerNames(_ log: LogErasure, _ layout: TableLayout) throws(BatchError) -> [Warning] {
        try log.formerNames().map {
            Warning(
                .notErased,
                "table \(layout.name) was called \($0) before",
                hint: "erase there too: \(command: "erase --table \($0) --where CONDITION")")
        }
    }

    /// Leaves nothing in free pages and in the log of the database.
    private func tidy() throws(BatchError) -> [Warning] {
        var warnings: [Warning] = []
        let moving = try SchemaReader(connection).tables().first {
            $0.role == .ordinary && !$0.isWithoutRowID && $0.integerPrimaryKey == nil
        }
        if let moving {
            warnings.append(
                Warning(
                    .notErased,
                    "VACUUM was left out, because it would number the rows of table \(moving.name) anew; free pages may hold what was deleted before"
                ))
        } else {
            connection.dropCachedStatements()
            try connection.execute("VACUUM")
        }
        try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return warnings
    }
}

internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

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
    /// - Throws: `ERR_UX_UNKNOWN_NAME` when no batch and no schema knows the table, `ERR_UX_USAGE` when the condition is none;
    ///   `ERR_DATA_NOT_UNDOABLE` when the records cannot be rewritten; `ERR_DATA_CONFLICT` when other rows refer to
    ///   those. Nothing has changed then.
    public func perform(
        _ request: Request, confirm: (Int) throws(BatchError) -> Bool
    ) throws(BatchError) -> EraseReport {
        try session.requireOperator("erase")
        let start = ContinuousClock.now
        if !request.isDryRun {
            try SwitchGate(session).require(.change, "erasure of rows of \(request.table)")
        }
        guard try ledger.exists() else {
            throw BatchError(
                .wrongState, "no batch has run on this database, so there is no record to erase from",
                hint: "delete the rows: \(command: "run --id NAME --sql \"DELETE FROM …\"")")
        }
        let seen = try look(request)
        let report = EraseReport(
            table: seen.layout.name, rows: seen.found.keys.count, isDryRun: true, duration: start.millisecondsSince)
        if request.isDryRun || seen.found.keys.isEmpty { return report }
        let version = connection.dataVersion
        guard try confirm(seen.found.keys.count) else { return report }
        let turn = try session.turn(for: LeaseWork("erase"))
        let meant = connection.dataVersion == version ? seen : try look(request, turn)
        guard meant.found.keys == seen.found.keys else {
            throw BatchError(
                .wrongState,
                "the rows of \(request.table) that match the condition are not the same as when you were asked",
                hint:
                    "see how many: \(command: "erase --table \(request.table) --where \(request.condition) --dry-run")")
        }
        return try erase(meant, request, turn, start)
    }

    /// What would be erased.
    private struct Reach {
        let layout: TableLayout
        let log: LogErasure
        let history: ErasedHistory
        let found: Found
    }

    /// Nobody is kept from working after it, while an answer is waited for.
    private func look(_ request: Request) throws(BatchError) -> Reach {
        let turn = try session.turn(for: LeaseWork("erase"))
        defer { withExtendedLifetime(turn) {} }
        return try look(request, turn)
    }

    private func look(_ request: Request, _ turn: borrowing Turn) throws(BatchError) -> Reach {
        AbandonedFiles.remove(backups: session.backups, at: nil)
        let layout = try layout(request.table)
        let filter = try RowFilter(request.condition, layout)
        _ = try turn.openHistory()
        let log = LogErasure(ledger, table: layout)
        let history = try ErasedHistory(session, table: layout.name)
        return Reach(
            layout: layout, log: log, history: history, found: try search(layout, filter, log, history))
    }

    /// Of the table as it is, or as it was last: its rows are in the records when it is gone.
    private func layout(_ table: String) throws(BatchError) -> TableLayout {
        let today = try SchemaReader(connection).layout(named: table)
        let last = try ledger.lastLayout(named: table)
        guard !connection.isLedger(table), let layout = today ?? last,
            layout.role == .ordinary, layout.key != .rowid(alias: nil)
        else {
            throw BatchError(
                .unknownName, "there is no table \(table) that rows can be erased from",
                hint: "name an ordinary table; a full-text index is changed through its own table")
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
        var values: [String: Set<SQLValue>] = [:]

        mutating func note(_ row: [SQLValue], _ layout: TableLayout) {
            for (value, position) in zip(row, layout.storedColumns) {
                values[layout.columns[position].name.lowercased(), default: []].insert(value)
            }
        }
    }

    /// A row is meant when any version of it is.
    private func search(
        _ layout: TableLayout, _ filter: RowFilter, _ log: LogErasure, _ history: ErasedHistory
    ) throws(BatchError) -> Found {
        var found = Found()
        if try exists(layout) { found.keys = try filter.keys(in: layout, of: connection) }
        try log.forEachVersion { (then, key, row) throws(BatchError) in
            if !found.keys.contains(key), try filter.matches(then, key, row) { found.keys.insert(key) }
        }
        try history.forEachFile { (then, rows) throws(BatchError) in
            found.keys.formUnion(try filter.matches(then, rows))
        }
        found.keys = try log.linked(found.keys)
        try log.forEachVersion { (then, key, row) in if found.keys.contains(key) { found.note(row, then) } }
        try history.forEachVersion(of: found.keys) { (then, row) in found.note(row, then) }
        return found
    }

    // MARK: Erase

    private func erase(
        _ meant: Reach, _ request: Request, _ turn: borrowing Turn, _ start: ContinuousClock.Instant
    ) throws(BatchError) -> EraseReport {
        let (layout, log, history, found) = (meant.layout, meant.log, meant.history, meant.found)
        let indexes = try exists(layout) ? TextIndexes(of: layout, on: connection) : nil
        session.context.phase("rewriting the restore points")
        let points = try history.rewrite(without: found.keys, hasIndexes: indexes?.isEmpty == false)
        session.context.reach("erase-prepared")
        try connection.execute("PRAGMA secure_delete = ON")
        var entries = 0
        var live = 0
        let words = try TextErasure(found.values, without: found.keys, try exists(layout) ? layout : nil, connection)
        try connection.transaction { () throws(BatchError) in
            let orphans = try orphanCount()
            entries = try log.erase(found.keys)
            if let indexes, request.live == .delete {
                try indexes.erase(found.keys) { () throws(BatchError) in
                    live = try log.eraseRows(found.keys, isKept: false)
                }
            } else if try exists(layout) {
                live = try log.eraseRows(found.keys, isKept: request.live == .keep)
            }
            if let indexes { try follow(indexes, points) }
            guard try orphanCount() <= orphans else {
                throw BatchError(
                    .conflict, "rows of other tables refer to rows that would be erased",
                    hint: "erase or change those first: \(command: "erase --table CHILD --where CONDITION")")
            }
            try points.note(in: ledger)
            try PendingErasure(session: session).intend(
                table: layout.name, commits: points.commits, token: session.context.randomID())
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
        session.context.phase("removing what the old copies held")
        try PendingErasure(session: session).finish()
        // Nothing stays in free pages and in the log of the database.
        try DatabaseVacuum(session: session).perform()
        var warnings = try formerNames(log, layout) + points.warnings
        warnings += try check(found.keys, layout, points, words)
        session.context.log.warnings(warnings, module: .command)
        if request.live == .keep { try keepLiveRows() }
        DriftDetection(session: session).remember(version: connection.dataVersion)
        return EraseReport(
            table: layout.name, rows: found.keys.count, liveRows: live, entries: entries, commits: points.commits.count,
            files: points.files.count, warnings: warnings, isDryRun: false, duration: start.millisecondsSince)
    }

    /// The rows that stay are in no record any more: they begin with a point of their own. That is no change by others.
    private func keepLiveRows() throws(BatchError) {
        let version = connection.dataVersion
        let state = try StateDigest.compute(connection)
        if try ledger.state()?.combined == state.combined { return }
        try PointKeeper(session: session).writeDrift(state, since: version)
    }

    private func eraseFromControl(_ words: TextErasure) throws(BatchError) {
        let control = try session.context.control(in: session.controlFolder)
        try control.correct(session.context.act(AuditChain.erasure, outcome: "erased")) {
            (connection) throws(BatchError) in
            let cleaned = try words.clean(connection)
            return cleaned.isEmpty
                ? nil : .object([.init(AuditChain.voucherKey, AuditChain.vouchers(cleaned))])
        }
    }

    /// What the module wrote into its tables is no change of any batch, and their undo log may hold a word of a row in
    /// any part of it.
    private func follow(_ indexes: TextIndexes, _ rewrite: PointRewrite) throws(BatchError) {
        let tables = try SchemaReader(connection).tables().filter(indexes.holds)
        if tables.isEmpty { return }
        var state = try ledger.state() ?? StateDigest()
        for table in tables { state.tables[table.name] = try StateDigest.compute(table, connection) }
        try ledger.setState(state)
        try ledger.leaveUndoToCopies(ofTables: Set(tables.map(\.name)))
        var before: StateDigest?
        var last: [Int64: Int64] = [:]
        for point in try ledger.points(where: "status = 'complete'") {
            guard let after = point.commit.flatMap({ CommitID($0) }).flatMap({ rewrite.states[$0] }) else { continue }
            let covered = try ledger.checkpoints(of: point.batch).map(\.id).filter {
                $0 > last[point.batch, default: 0] && $0 <= point.lastCheckpoint
            }
            last[point.batch] = point.lastCheckpoint
            for table in tables {
                var change = after.tables[table.name] ?? TableDigest()
                change -= before?.tables[table.name] ?? TableDigest()
                if before != nil { try ledger.setChange(change, of: table.name, over: covered) }
            }
            before = after
        }
    }

    private func orphanCount() throws(BatchError) -> Int { try connection.rows("PRAGMA foreign_key_check").count }

    /// Says "erased" only of what is nowhere any more: looks into every store again.
    /// - Throws: `ERR_DATA_VERIFICATION_FAILED` when a record still has one of the rows.
    private func check(
        _ keys: Set<RowKey>, _ layout: TableLayout, _ rewrite: PointRewrite, _ words: TextErasure
    ) throws(BatchError) -> [Warning] {
        var places: [String] = []
        try LogErasure(ledger, table: layout).forEachVersion { (_, key, _) in
            if keys.contains(key), !places.contains("the undo log") { places.append("the undo log") }
        }
        let history = try ErasedHistory(session, table: layout.name)
        try history.forEachVersion(of: keys) { (_, _) in
            if !places.contains("the git history") { places.append("the git history") }
        }
        if try !history.left(of: rewrite.commits).isEmpty { places.append("old commits of the git history") }
        let files = Set(rewrite.files.values.map(\.name))
        for point in rewrite.lost where Folder.exists("\(session.backups)/\(point.bak ?? "")") {
            places.append(point.bak ?? "")
        }
        let copies = try BakStore(folder: session.backups).contents().files
        places += copies.filter(session.bakOwner.owns).map(\.name).filter { !files.contains($0) }
        guard places.isEmpty else {
            throw BatchError(
                .verificationFailed, "rows of \(layout.name) are still in \(places.joined(separator: ", "))",
                hint: "see why: \(command: "verify"); then erase again")
        }
        // Of version 0.1, where databases of one folder could share a name.
        let nobodys = copies.filter { $0.ledger == nil && $0.database == session.branch && !files.contains($0.name) }
        return try words.places(in: session).map {
            Warning(.notErased, "the text of an erased row is still in \($0): another row or a name holds it too")
        }
            + nobodys.map {
                Warning(
                    .notErased, "\($0.name) belongs to an unknown database and may hold the rows: check it yourself")
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

    /// `erase`
    public struct Request: Hashable, Sendable {
        /// What becomes of rows that are in the table today.
        public enum Live: String, Sendable, CaseIterable {
            /// They are deleted, for good.
            case delete
            /// They stay; what they were before is forgotten.
            case keep
        }

        public let table: String
        /// An SQL expression over the columns of the table.
        public let condition: String
        public let live: Live
        public let isDryRun: Bool

        public init(table: String, condition: String, live: Live = .delete, isDryRun: Bool = false) {
            self.table = table
            self.condition = condition
            self.live = live
            self.isDryRun = isDryRun
        }
    }
}

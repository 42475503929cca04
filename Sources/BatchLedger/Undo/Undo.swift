public import BatchCore
internal import CSQLite

/// Undoes checkpoints in one transaction of a gateway.
public final class Undo {
    /// What happened, before it is committed.
    public struct Outcome: Sendable {
        public var conflicts: [UndoConflict]
        public var digests: [DigestCheck]
        public var foreignKeyViolations: [ForeignKeyViolation]
        /// Tables whose foreign keys SQLite cannot check.
        public var uncheckedForeignKeys: [String] = []
        public var changedTables: [String]

        /// - Throws: when the database would not be what it must be; the transaction must then be rolled back.
        public func require(for batch: BatchID) throws(BatchError) {
            if let first = digests.first(where: { !$0.matches }) {
                throw BatchError(
                    .verificationFailed, "undoing \(batch) would not bring back table \(first.table) exactly",
                    hint: "nothing was changed; see what is damaged: \(command: "verify")")
            }
            guard let violation = foreignKeyViolations.first else { return }
            let count = foreignKeyViolations.count
            throw BatchError(
                .conflict,
                "\(count) \(count == 1 ? "row" : "rows") would refer to missing rows, "
                    + "the first in \(violation.table) (to \(violation.parent))",
                hint: "undo the batch that wrote it first: \(command: "list")")
        }
    }

    /// The digest that a table must have after an undo, and the one that it has.
    public struct DigestCheck: Hashable, Sendable {
        public let table: String
        public let expected: TableDigest
        public let found: TableDigest
        /// The table may differ: a counter moved on, or an index was built anew.
        public let isExempt: Bool
        public var matches: Bool { isExempt || expected == found }
    }

    private let gateway: Gateway
    private let connection: Connection
    private let settings: Settings

    public init(_ gateway: Gateway) {
        self.gateway = gateway
        connection = gateway.connection
        settings = Settings(gateway.connection)
    }

    /// Opens a transaction and undoes the checkpoints in it. The caller looks at the outcome, and then calls
    /// `gateway.commit` or `gateway.rollback`, and `close` in any case.
    ///
    /// - Parameters:
    ///   - checkpoints: with the names of their batches, the last first.
    ///   - record: what they are undone from.
    ///   - collecting: true to go on after a conflict and list all of them; the transaction must then not be committed
    ///     unless the caller wants just the rows without conflict.
    ///   - overwriting: while collecting, put back also rows that others changed.
    ///   - leaving: while collecting, keys by table that count as conflicts, whatever the rows are.
    ///   - locked: called once the write lock is held and before anything changes.
    /// - Throws: `ERR_DATA_CONFLICT` at the first conflict when not collecting; nothing is changed then.
    public func perform(
        _ checkpoints: [(checkpoint: CheckpointRecord, batch: String)], from record: UndoRecord = .log,
        collecting: Bool, overwriting: Bool = false, leaving: TouchedKeys = TouchedKeys(),
        locked: () throws(BatchError) -> Void = {}
    ) throws(BatchError) -> Outcome {
        let mode: UndoRun.Mode = !collecting ? .strict : overwriting ? .overwriting : .collecting
        var byContent: Set<String> = []
        var leaving = leaving
        // Most databases have no row that refers to a missing row: then nothing has to be looked at beforehand.
        var compared: Set<String> = []
        var isSettled = mode != .collecting
        while true {
            switch try attempt(checkpoints, record, mode, leaving, byContent, compared, locked) {
            case .done(let outcome):
                if isSettled || outcome.foreignKeyViolations.isEmpty { return outcome }
                // A row that others refer to stays, and with it all that it needs.
                takeBack()
                isSettled = try !leaving.insert(causes(of: outcome.foreignKeyViolations))
                continue
            case .needsContent(let table): byContent.insert(table)
            case .needsBaseline(let tables): compared.formUnion(tables)
            }
            takeBack()
        }
    }

    /// Rows to leave as they are, so that nothing refers to a missing row. The undo is taken back.
    private func causes(
        of violations: [ForeignKeyViolation]
    ) throws(BatchError) -> [(table: String, key: UInt64)] {
        var found = violations.compactMap(\.cause)
        let rows = OrphanRows(connection)
        for violation in violations where violation.cause == nil { found += try rows.parents(of: violation.orphan) }
        return found
    }

    private enum Attempt {
        case done(Outcome)
        /// This virtual table was written since: it is to be undone by its content, from the start.
        case needsContent(String)
        /// Rows of these tables refer to nothing: it is to be seen whether they did so before, from the start.
        case needsBaseline(Set<String>)
    }

    private func takeBack() {
        gateway.rollback()
        settings.forgetModules()
    }

    private func attempt(
        _ checkpoints: [(checkpoint: CheckpointRecord, batch: String)], _ record: UndoRecord, _ mode: UndoRun.Mode,
        _ leaving: TouchedKeys, _ byContent: Set<String>, _ compared: Set<String>,
        _ locked: () throws(BatchError) -> Void
    ) throws(BatchError) -> Attempt {
        var run: UndoRun?
        do throws(BatchError) {
            gateway.isUndoing = true
            try gateway.begin()
            try locked()
            let before = try gateway.ledger.state() ?? StateDigest()
            let baseline = try ForeignKeyCheck.baseline(of: compared, connection)
            try gateway.noteStatistics()
            let virtual = try VirtualTableUndo(
                logical: byContent, gateway.ledger, checkpoints: checkpoints.map(\.checkpoint.id), record)
            let undo = UndoRun(
                gateway, mode: mode, leaving: leaving, virtual: virtual,
                lastBeforeVacuum: try gateway.ledger.lastCheckpointBeforeVacuum())
            run = undo
            switch record {
            case .log: for (checkpoint, batch) in checkpoints { try undo.undo(checkpoint, of: batch) }
            case .points(let parts): for part in parts { try undo.undo(part) }
            }
            let expected = try expected(from: before, checkpoints, record)
            try undo.finish(expecting: expected)
            try gateway.flush()
            var outcome = try outcome(of: undo, before, expected)
            let later = try LaterReferences(
                gateway.ledger, undoing: checkpoints.map(\.checkpoint.id), isWhole: undo.conflicts.isEmpty)
            let references = try ForeignKeyCheck(gateway, baseline: baseline, later: later).result()
            if !references.needsBaseline.isSubset(of: compared) { return .needsBaseline(references.needsBaseline) }
            outcome.foreignKeyViolations = references.violations
            outcome.uncheckedForeignKeys = references.unchecked
            return .done(outcome)
        } catch {
            takeBack()
            guard let table = run?.virtualTables.needsContent, !byContent.contains(table) else { throw error }
            return .needsContent(table)
        }
    }

    /// The state that an undo must lead to.
    private func expected(
        from now: StateDigest, _ checkpoints: [(checkpoint: CheckpointRecord, batch: String)], _ record: UndoRecord
    ) throws(BatchError) -> StateDigest {
        var expected = now
        switch record {
        case .log: expected = try now.subtracting(checkpoints.map(\.checkpoint.id), gateway.ledger)
        case .points(let parts): for part in parts { try expected.subtract(part, gateway.ledger) }
        }
        return expected
    }

    private func outcome(
        of run: UndoRun, _ before: StateDigest, _ expected: StateDigest
    ) throws(BatchError) -> Outcome {
        var outcome = Outcome(conflicts: run.conflicts, digests: [], foreignKeyViolations: [], changedTables: [])
        let exempt = run.exemptTables.union(run.conflicts.map(\.table))
        outcome.digests = try digests(before, expected: expected, exempt: exempt)
        outcome.changedTables = gateway.sink.tables.filter(\.isTouched).map(\.layout.name).uniqued()
        return outcome
    }

    /// Goes back over changes in the transaction that is open, whatever record has them. The caller looks at the
    /// result.
    public func goBack(over changes: any NetChanges, named name: String) throws(BatchError) {
        try gateway.noteStatistics()
        gateway.state.isUndo = true
        let run = NetRun(batch: name, lastCheckpoint: .max, changes: changes)
        let virtual = try VirtualTableUndo(logical: [], gateway.ledger, checkpoints: [], .points([]))
        let undo = UndoRun(
            gateway, mode: .strict, leaving: TouchedKeys(), virtual: virtual, lastBeforeVacuum: 0)
        try undo.undo(.whole(run))
        try undo.finish(expecting: changes.coversDatabase ? changes.before.digest : nil)
        settings.forgetModules()
    }

    private func digests(
        _ before: StateDigest, expected: StateDigest, exempt: Set<String>
    ) throws(BatchError) -> [DigestCheck] {
        var found: [String: TableDigest] = [:]
        // SQLite tells nobody what it does to these.
        for (table, rows) in try SystemTables.rows(SystemTables.all, connection) {
            let now = SystemTables.digest(rows)
            if now != before.tables[table] ?? TableDigest() { found[table] = now }
        }
        for track in gateway.sink.tables where track.isTouched {
            let name = track.layout.name
            found[name, default: before.tables[name] ?? TableDigest()] += track.digest
        }
        let changed = expected.tables.keys.filter { expected.tables[$0] != before.tables[$0] }
        return Set(changed).union(found.keys).sorted().map { name in
            let now = before.tables[name] ?? TableDigest()
            return DigestCheck(
                table: name, expected: expected.tables[name] ?? now, found: found[name] ?? now,
                isExempt: exempt.contains(name))
        }
    }

    // MARK: Settings of the connection

    /// Must be called outside a transaction.
    public func open() throws(BatchError) { try settings.open() }

    public func close() {
        gateway.rollback()
        leave()
    }

    /// Switches everything back on, inside the open transaction too: what runs then runs as in a batch.
    public func leave() {
        gateway.isUndoing = false
        settings.close()
    }

    /// Settings of a connection under which old rows can be put back as they were: what would change them on the way
    /// is off, triggers, cascades, and checks that old rows need not pass.
    public final class Settings {
        private let connection: Connection
        private var foreignKeysWereOn = false
        private var triggersWereOn: Int32 = 1
        private var checksWereIgnored = false
        private var wasDefensive: Int32 = 0

        public init(_ connection: Connection) { self.connection = connection }

        public func open() throws(BatchError) {
            foreignKeysWereOn = try connection.value("PRAGMA foreign_keys")?.integer == 1
            checksWereIgnored = try connection.value("PRAGMA ignore_check_constraints")?.integer == 1
            try connection.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            // Inside a transaction the PRAGMA does nothing.
            connection.enforceForeignKeys(false)
            csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, -1, &wasDefensive)
            csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, 0, nil)
            csqlite_db_config(connection.handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &triggersWereOn)
            csqlite_db_config(connection.handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nil)
        }

        /// Switches everything back on, also inside a transaction.
        public func close() {
            forgetModules()
            csqlite_db_config(connection.handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, triggersWereOn, nil)
            try? connection.execute("PRAGMA ignore_check_constraints = \(checksWereIgnored ? "ON" : "OFF")")
            csqlite_db_config(connection.handle, SQLITE_DBCONFIG_DEFENSIVE, wasDefensive, nil)
            connection.enforceForeignKeys(foreignKeysWereOn)
        }

        /// Modules of virtual tables keep parts of their shadow tables in memory, which an undo changed behind their
        /// backs.
        func forgetModules() { try? connection.execute("PRAGMA writable_schema = RESET") }
    }

    /// The TEMP triggers of a host's connection. SQLite has a switch for the triggers of the schema and none for
    /// these, which would change rows that an undo puts back.
    public struct TemporaryTriggers {
        private let connection: Connection
        private let names: [String]
        private let definitions: [String]

        /// Finds them, but for those that record for us.
        public init(_ connection: Connection) throws(BatchError) {
            self.connection = connection
            let found = try connection.rows(
                """
                SELECT name, sql FROM temp.sqlite_schema WHERE type = 'trigger' AND sql IS NOT NULL \
                AND name NOT LIKE 'batchmgr\\_record\\_%' ESCAPE '\\' ORDER BY rowid
                """)
            // SQLite keeps the text from the name on, after these words.
            let stored = "CREATE TRIGGER "
            names = found.compactMap { $0[0].string }
            definitions = found.compactMap { $0[1].string }.filter { $0.hasPrefix(stored) }
                .map { "CREATE TEMP TRIGGER " + $0.dropFirst(stored.count) }
        }

        /// Takes them away. Outside a transaction.
        public func lift() throws(BatchError) {
            for name in names { try connection.execute("DROP TRIGGER IF EXISTS temp.\(SQLName.quote(name))") }
        }

        /// Puts them back, in the order in which they were made. Those that are there stay.
        public func putBack() {
            for definition in definitions { try? connection.execute(definition, isVerbatim: true) }
        }
    }
}

extension Array where Element: Hashable {
    /// Each element once, in the order of first appearance.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}

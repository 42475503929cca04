internal import BatchCore
internal import Glibc

/// The tables whose rows the open checkpoint records, and how each is found by the name that SQLite gives.
final class CheckpointTables {
    /// In the order of their numbers.
    private(set) var all: [CapturedTable] = []
    /// Those that the checkpoint itself has made, by the names that they have now: a policy asks for none of their rows.
    var made: Set<String> = []
    /// Of a host: they know what was captured of a table before.
    var statements: HostStatements?
    /// Set by a tap that hands over where long values are, and not their bytes: see `KeptValues`.
    var keepsLongValues = false
    /// Moves when tables must be looked up again.
    private(set) var layoutNumber = 0

    private unowned let connection: Connection
    private let storedRows: StoredRows
    private let builder: CapturedTableBuilder
    private var byName: [String: CapturedTable?] = [:]
    /// Tables whose rows change one after another are looked up by their name once.
    private var last: CapturedTable?
    private var lastName = [CChar](repeating: 0, count: 64)
    /// While a statement changes the schema: the tables whose rows are recorded; nil for all.
    private var allowed: Set<String>?
    /// What to look at in the changes for the policy of the batch; nil for nothing.
    private var rules: PolicyRules?
    private var watches: [KeyWatch] = []
    /// Layouts under which tables are recorded whose columns are renamed for a moment.
    private var recordedLayouts: [String: TableLayout] = [:]

    init(of connection: Connection, _ storedRows: StoredRows) {
        self.connection = connection
        self.storedRows = storedRows
        builder = CapturedTableBuilder(schema: SchemaReader(connection))
    }

    /// Call it after `reset`.
    func begin(_ rules: PolicyRules?, _ watches: [KeyWatch]) {
        self.rules = rules
        self.watches = watches
    }

    /// Forgets everything of the checkpoint.
    func reset() {
        all = []
        forgetLayouts()
        recordedLayouts = [:]
        made = []
    }

    // MARK: Finding

    /// As `table(named:)`, for every row that changes.
    @inline(__always)
    func table(called name: UnsafePointer<CChar>) throws(BatchError) -> CapturedTable? {
        if let last, lastName.withUnsafeBufferPointer({ $0.baseAddress.map { strcmp(name, $0) == 0 } ?? false }) {
            return last
        }
        return try find(name)
    }

    private func find(_ name: UnsafePointer<CChar>) throws(BatchError) -> CapturedTable? {
        let text = String(cString: name)
        guard let table = try table(named: text) else { return nil }
        lastName = Array(text.utf8CString)
        last = table
        return table
    }

    /// Nil for tables that are not recorded: SQLite's own and the ledger's.
    func table(named name: String) throws(BatchError) -> CapturedTable? {
        if let known = byName[name] { return known }
        if name.hasPrefix("sqlite_") || connection.isLedger(name) || allowed?.contains(name) == false {
            byName[name] = .some(nil)
            return nil
        }
        let isPlain = allowed == nil && recordedLayouts.isEmpty
        if isPlain, let capture = try statements?.capture(of: name) {
            let table = CapturedTable(capture, number: all.count)
            take(table)
            byName[name] = .some(table)
            return table
        }
        guard let layout = try builder.schema.layout(named: name) else {
            throw BatchError(
                .internalFault, "table \(name) changed, but the schema does not contain it",
                hint: "\(command: "doctor")")
        }
        let table = try table(of: layout)
        if isPlain, let statements, let capture = table?.capture { try statements.note(capture) }
        return table
    }

    /// - Returns: nil while a statement that changes the schema has the table for itself.
    func table(of layout: TableLayout) throws(BatchError) -> CapturedTable? {
        if let known = byName[layout.name] { return known }
        var table: CapturedTable?
        if allowed?.contains(layout.name) != false {
            table = try make(recordedLayouts[layout.name] ?? layout, visible: layout)
        }
        byName[layout.name] = .some(table)
        return table
    }

    /// A table of its own in the record, whatever that has of the name already.
    /// - Parameter visible: the layout whose names SQL knows now, when that is another.
    func make(_ layout: TableLayout, visible: TableLayout? = nil) throws(BatchError) -> CapturedTable {
        let table = try builder.table(layout, visible: visible ?? layout, number: all.count)
        take(table)
        return table
    }

    private func take(_ table: CapturedTable) {
        if !made.contains(table.layout.ownerTable) { table.policy = rules?.table(table.layout) }
        if !watches.isEmpty {
            let watched = watches.map { $0.rows(of: table.layout) }
            if watched.contains(where: { $0 != nil }) { table.watched = watched }
        }
        if keepsLongValues { table.keepLongValues() }
        all.append(table)
    }

    /// Limits the record to tables that were there before, and are not to be rewritten themselves; nil for no limit.
    func limit(to names: Set<String>?) {
        allowed = names
        forgetLayouts()
    }

    /// Records a table under another layout than the schema has at the moment; nil for its own again.
    func record(_ name: String, as layout: TableLayout?) { recordedLayouts[name] = layout }

    /// After a change of the schema every table must be looked up again.
    func forgetLayouts() {
        byName = [:]
        last = nil
        storedRows.dropStatements()
        layoutNumber &+= 1
    }

    /// A table that goes: nobody counts its rows, and no policy asks for each of them.
    func addRemoved(_ layout: TableLayout) -> CapturedTable {
        let table = CapturedTable(
            layout: layout, visible: layout, number: all.count, uniqueKeys: [], references: [])
        all.append(table)
        return table
    }
}

public import BatchCore

/// A row that refers to a missing row since an undo.
public struct ForeignKeyViolation: Hashable, Sendable {
    public let table: String
    public let rowid: Int64?
    public let parent: String
    /// The row to leave as it is so that the violation does not arise; nil when only the state before the undo tells.
    let cause: (table: String, key: UInt64)?
    let orphan: OrphanRows.Orphan

    public static func == (left: ForeignKeyViolation, right: ForeignKeyViolation) -> Bool {
        left.table == right.table && left.rowid == right.rowid && left.parent == right.parent
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(table)
        hasher.combine(rowid)
        hasher.combine(parent)
    }
}

/// Rows that referred to nothing already.
public struct ForeignKeyBaseline {
    let orphans: ForeignKeyCheck.Baseline
}

extension Gateway {
    /// Rows that refer to nothing, of tables and of those that refer to them.
    public func foreignKeyBaseline(of tables: Set<String>) throws(BatchError) -> ForeignKeyBaseline {
        let names = Set(tables.map { $0.lowercased() })
        let children = try schema.tables().filter { layout in
            !layout.foreignKeys.isEmpty && names.contains(layout.name.lowercased())
                || layout.foreignKeys.contains { names.contains($0.parent.lowercased()) }
        }
        return ForeignKeyBaseline(orphans: try ForeignKeyCheck.baseline(of: Set(children.map(\.name)), connection))
    }

    /// Rows that refer to nothing because of what was written since `begin`.
    public func newForeignKeyViolations(
        since baseline: ForeignKeyBaseline
    ) throws(BatchError) -> [ForeignKeyViolation] {
        try settle()
        return try ForeignKeyCheck(self, baseline: baseline.orphans).result().violations
    }
}

/// Looks for foreign keys that the open transaction broke, with SQLite's own eyes. Violations that were there before
/// are not its business, and tables whose references the transaction cannot have broken are not read.
struct ForeignKeyCheck {
    struct Result {
        var violations: [ForeignKeyViolation] = []
        /// Tables that SQLite cannot check: a foreign key names no key, or needs a collation of the application.
        var unchecked: [String] = []
        /// Tables with violations of which nobody has looked whether they were there before.
        var needsBaseline: Set<String> = []
    }

    /// Violations before the transaction changed anything, by table.
    typealias Baseline = [String: [OrphanRows.Orphan: Int]]

    private let gateway: Gateway
    private let connection: Connection
    private let schema: SchemaReader
    /// What came after the state that an undo goes back to; nil when nothing is undone.
    private let later: LaterReferences?
    private let baseline: Baseline

    /// - Parameter later: knows the violations that an undo brings back as they were.
    init(_ gateway: Gateway, baseline: Baseline = [:], later: LaterReferences? = nil) {
        self.gateway = gateway
        self.baseline = baseline
        self.later = later
        connection = gateway.connection
        schema = SchemaReader(gateway.connection)
    }

    /// The violations of some tables as they are now; tables that are not there, or cannot be checked, have none.
    static func baseline(of tables: Set<String>, _ connection: Connection) throws(BatchError) -> Baseline {
        var baseline: Baseline = [:]
        for name in tables {
            var orphans: [OrphanRows.Orphan: Int] = [:]
            if let layout = try SchemaReader(connection).layout(named: name) {
                try OrphanRows(connection).forEach(of: layout) { orphans[$0, default: 0] += 1 }
            }
            baseline[name] = orphans
        }
        return baseline
    }

    func result() throws(BatchError) -> Result {
        try gateway.flush()
        let tables = gateway.sink.tables.filter { $0.isTouched && $0.layout.role == .ordinary }
        var result = Result()
        for child in try children(tables).sorted() {
            guard let layout = try schema.layout(named: child) else { continue }
            try check(layout, tables, &result)
        }
        return result
    }

    /// Tables whose references may be broken.
    private func children(_ tables: [CapturedTable]) throws(BatchError) -> Set<String> {
        var parents: Set<String> = []
        var children: Set<String> = []
        for table in tables {
            let layout = table.layout
            let losesKeys =
                !table.removed.isEmpty || table.uniqueKeys.contains { !$0.freed.isEmpty }
                || table.uniqueKeys.count < layout.uniqueIndexes.count
            if losesKeys { parents.insert(layout.name.lowercased()) }
            let refers =
                table.references.contains { !$0.referenced.isEmpty }
                || table.references.count < layout.foreignKeys.count
            if refers { children.insert(layout.name) }
        }
        guard !parents.isEmpty else { return children }
        for layout in try schema.tables()
        where layout.foreignKeys.contains(where: { parents.contains($0.parent.lowercased()) }) {
            children.insert(layout.name)
        }
        return children
    }

    private func check(_ child: TableLayout, _ tables: [CapturedTable], _ result: inout Result) throws(BatchError) {
        let orphanRows = OrphanRows(connection)
        guard let broken = try orphanRows.count(of: child) else {
            result.unchecked.append(child.name)
            return
        }
        if broken.isEmpty { return }
        guard let before = baseline[child.name] else {
            result.needsBaseline.insert(child.name)
            return
        }
        var rest = before
        var found: [Int: Int] = [:]
        var new: [OrphanRows.Orphan] = []
        try orphanRows.forEach(of: child) { orphan in
            found[orphan.foreignKey, default: 0] += 1
            if let count = rest[orphan], count > 0 { rest[orphan] = count - 1 } else { new.append(orphan) }
        }
        if found != broken { result.unchecked.append(child.name) }
        for orphan in new {
            if let violation = try violation(orphan, child, tables) { result.violations.append(violation) }
        }
    }

    /// Nil for one that was so in the state that an undo goes back to.
    private func violation(
        _ orphan: OrphanRows.Orphan, _ child: TableLayout, _ tables: [CapturedTable]
    ) throws(BatchError) -> ForeignKeyViolation? {
        let refers = tables.contains { table in
            table.layout.name == child.name
                && table.references.contains {
                    $0.relation == orphan.relation && $0.referenced.containsAny(orphan.key)
                }
        }
        if let relation = orphan.relation {
            if try gateway.ledger.orphans(of: child.name, relation).contains(orphan.key) { return nil }
            let isLost = lost(orphan, tables)
            if let later, try !later.broke(orphan, cameBack: refers || !isLost, lost: isLost || !refers) { return nil }
        }
        var rowid: Int64?
        if case .rowid(let number) = orphan.row { rowid = number }
        return ForeignKeyViolation(
            table: child.name, rowid: rowid, parent: orphan.parent, cause: ForeignKeyCheck.cause(of: orphan, refers),
            orphan: orphan)
    }

    /// Either the reference came back, or what it refers to went away.
    private static func cause(of orphan: OrphanRows.Orphan, _ refers: Bool) -> (table: String, key: UInt64)? {
        if refers { return (orphan.child, orphan.row.order) }
        return orphan.relation?.kind == .rows ? (orphan.parent, orphan.key) : nil
    }

    /// True when the parent that a row misses was removed in this transaction.
    private func lost(_ orphan: OrphanRows.Orphan, _ tables: [CapturedTable]) -> Bool {
        tables.contains { table in
            if orphan.relation?.kind == .rows {
                return table.layout.name == orphan.relation?.table && table.removed.containsAny(orphan.key)
            }
            return table.uniqueKeys.contains { $0.relation == orphan.relation && $0.freed.containsAny(orphan.key) }
        }
    }
}

extension KeyRuns {
    /// Like `contains`, for a set that is not compacted.
    func containsAny(_ key: UInt64) -> Bool { runs.contains { $0.low <= key && key <= $0.high } }
}

/// Tells whether a row that refers to a missing row after an undo did so already in the state that the undo goes back to.
///
/// Foreign keys are off in a batch unless its script turns them on, so an earlier batch may have left such rows and a
/// later one cleared them: undoing the later one brings them back, and that is exact.
final class LaterReferences {
    private let ledger: Ledger
    private let undone: Set<Int64>
    private let first: Int64
    /// False when rows of what is undone stay as they are: then it counts as later too.
    private let isWhole: Bool
    private let relations: [Relation: Int64]
    /// Somebody has written outside any batch since, so the facts do not tell everything.
    private let isUnsure: Bool
    private var known: [Relation: [Fact]] = [:]

    /// - Parameters:
    ///   - checkpoints: ids of what is undone.
    ///   - isWhole: false when rows of these checkpoints stay as they are.
    init(_ ledger: Ledger, undoing checkpoints: [Int64], isWhole: Bool) throws(BatchError) {
        self.ledger = ledger
        self.isWhole = isWhole
        undone = Set(checkpoints)
        first = checkpoints.min() ?? 0
        relations = Dictionary(try ledger.relations().map { ($0.value, $0.key) }) { first, _ in first }
        isUnsure = try ledger.lastTaken() >= first
    }

    /// - Parameters:
    ///   - cameBack: the undo brought the reference back.
    ///   - lost: the undo took away what is referred to.
    func broke(_ orphan: OrphanRows.Orphan, cameBack: Bool, lost: Bool) throws(BatchError) -> Bool {
        if isUnsure { return true }
        guard let relation = orphan.relation else { return true }
        let facts = try facts(on: relation).filter { $0.keys.contains(orphan.key) }
        return cameBack && reliedOn(.released, .removed, facts) || lost && reliedOn(.added, .referenced, facts)
    }

    /// True when a batch that stays did `later` after an undone `earlier`, without which it could not have.
    private func reliedOn(_ earlier: FactSide, _ later: FactSide, _ facts: [Fact]) -> Bool {
        let start = facts.first { undone.contains($0.checkpoint) && $0.side == earlier }?.checkpoint ?? first
        return facts.contains { fact in
            fact.side == later && fact.checkpoint >= start && !(isWhole && undone.contains(fact.checkpoint))
        }
    }

    /// Of live batches, in commit order.
    private func facts(on relation: Relation) throws(BatchError) -> [Fact] {
        if let facts = known[relation] { return facts }
        let sides: Set<FactSide> = [.added, .removed, .referenced, .released]
        let facts = try relations[relation].map { (id) throws(BatchError) in
            try ledger.laterFacts(on: id, after: first - 1).filter { sides.contains($0.side) }
        }
        known[relation] = facts ?? []
        return facts ?? []
    }
}

extension Ledger {
    private static let takenKey = "taken_at"

    /// Notes that the database was taken as it is, after the last checkpoint.
    func noteTaken() throws(BatchError) {
        let last = try connection.value("SELECT max(id) FROM main.batchmgr_checkpoints")?.integer ?? 0
        try setMeta(Ledger.takenKey, "\(last)")
    }

    /// The last checkpoint after which the database was taken as it is.
    func lastTaken() throws(BatchError) -> Int64 { try meta(Ledger.takenKey).flatMap { Int64($0) } ?? .max }
}

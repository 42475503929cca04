internal import BatchCore

/// A row that refers to nothing since an undo.
public struct ForeignKeyViolation: Hashable, Sendable {
    public let table: String
    public let rowid: Int64?
    public let parent: String
    /// The row to leave as it is so that the violation does not arise; nil when it cannot be told.
    let cause: (table: String, key: UInt64)?

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
            table: child.name, rowid: rowid, parent: orphan.parent, cause: ForeignKeyCheck.cause(of: orphan, refers))
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

/// Rows of one table that refer to a row which is not there, and by which key.
struct OrphanRows {
    private let connection: Connection
    private let schema: SchemaReader

    init(_ connection: Connection) {
        self.connection = connection
        schema = SchemaReader(connection)
    }

    struct Orphan: Hashable {
        let child: String
        let parent: String
        /// Its number in the child.
        let foreignKey: Int
        /// The key of the row; all of its values where SQL cannot name the rowid.
        let row: RowKey
        /// Nil where facts cannot follow the foreign key.
        let relation: Relation?
        /// The missing key as facts name it.
        let key: UInt64
    }

    /// How many rows break each foreign key, as SQLite counts them; nil when it cannot. Of keys to a table that is not
    /// there nothing is said: no row can satisfy them.
    func count(of layout: TableLayout) throws(BatchError) -> [Int: Int]? {
        var counts: [Int: Int] = [:]
        do throws(BatchError) {
            let sql = "SELECT fkid, count(*) FROM pragma_foreign_key_check(?, 'main') GROUP BY 1"
            for row in try connection.rows(sql, [.string(layout.name)]) {
                counts[Int(row[0].integer ?? 0)] = Int(row[1].integer ?? 0)
            }
        } catch {
            guard error.code == .sql else { throw error }
            return nil
        }
        for key in layout.foreignKeys where counts[key.id] != nil {
            if try schema.layout(named: key.parent) == nil { counts[key.id] = nil }
        }
        return counts
    }

    /// Calls `body` for every orphan. Foreign keys that name no table or no key are an old fault of the schema: no row
    /// can satisfy them.
    func forEach(of layout: TableLayout, _ body: (Orphan) throws(BatchError) -> Void) throws(BatchError) {
        var terms: [ComputedKeys.Term] = []
        let references = try CapturedTableBuilder(schema: schema).references(layout, &terms)
        let computed = terms.isEmpty ? nil : try? ComputedKeys(layout, terms, isUTF16: connection.isUTF16)
        for reference in references {
            guard let parent = reference.parent else { continue }
            let statement: Statement
            do throws(BatchError) {
                statement = try connection.prepare(query(layout, reference.key, parent))
            } catch { continue }
            var scratch = ByteBuffer()
            var image = RowBuffer()
            let columns = layout.storedColumns.count
            while try statement.step() {
                image.begin(columns: columns)
                statement.encodeColumns(1..<columns + 1, isUTF16: connection.isUTF16, into: &image.buffer)
                image.markAll(columns)
                computed?.begin()
                let key = reference.reference?.key(of: image, isAfter: true, computed, &scratch)
                try body(
                    Orphan(
                        child: layout.name, parent: parent.name, foreignKey: reference.key.id,
                        row: try row(layout, statement.value(0).integer, image),
                        relation: key == nil ? nil : reference.reference?.relation, key: key ?? 0))
            }
        }
    }

    private func row(_ layout: TableLayout, _ rowid: Int64?, _ image: RowBuffer) throws(BatchError) -> RowKey {
        if let rowid { return .rowid(rowid) }
        let values = try image.buffer.values(layout.storedColumns.count)
        guard case .primaryKey(let positions) = layout.key else { return .values(values) }
        let stored = layout.storedColumns
        return .values(positions.compactMap { stored.firstIndex(of: $0).map { values[$0] } })
    }

    private func query(_ layout: TableLayout, _ key: TableLayout.ForeignKey, _ parent: TableLayout) -> String {
        let columns = key.columns.map { "child." + SQLName.quote(layout.columns[$0].name) }
        var names = key.parentColumns
        if names.isEmpty {
            names = parent.columns.filter { $0.primaryKeyPosition > 0 }
                .sorted { $0.primaryKeyPosition < $1.primaryKeyPosition }.map(\.name)
        }
        // As for a foreign key, the parent's column alone decides: it stands on the left, so its collation counts, and
        // behind "+" the child's value has no affinity of its own.
        let matches = zip(names, columns).map { "parent.\(SQLName.quote($0)) = +\($1)" }.joined(separator: " AND ")
        let present = columns.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
        let list = layout.storedColumns.map { ", child.\(SQLName.quote(layout.columns[$0].name))" }.joined()
        return """
            SELECT \(layout.rowidName.map { "child.\($0)" } ?? "NULL")\(list) FROM main.\(layout.quotedName) AS child \
            WHERE \(present) AND NOT EXISTS (SELECT 1 FROM main.\(parent.quotedName) AS parent WHERE \(matches))
            """
    }
}

extension Ledger {
    /// Keeps which keys are missing already: undo may bring such rows back.
    func noteOrphans() throws(BatchError) {
        try connection.run("DELETE FROM main.batchmgr_orphans")
        let orphans = OrphanRows(connection)
        for layout in try SchemaReader(connection).tables() where !layout.foreignKeys.isEmpty {
            var keys: [Relation: KeyRuns] = [:]
            try orphans.forEach(of: layout) { (orphan) throws(BatchError) in
                if let relation = orphan.relation { keys[relation, default: KeyRuns()].insert(orphan.key) }
            }
            for (relation, var runs) in keys {
                runs.compact()
                try connection.run(
                    "INSERT OR REPLACE INTO main.batchmgr_orphans VALUES(?, ?, ?)",
                    [
                        .string(layout.name), .integer(try relationID(relation)),
                        .blob(runs.encoded(runs.runs.indices)),
                    ])
            }
        }
    }

    /// The keys that rows of a table missed when the database was taken as it is.
    func orphans(of table: String, _ relation: Relation) throws(BatchError) -> KeyRuns {
        let bytes = try connection.value(
            "SELECT keys FROM main.batchmgr_orphans WHERE table_name = ? AND relation = ?",
            [.string(table), .integer(try relationID(relation))])?.bytes
        return try bytes.map { (bytes) throws(BatchError) in try KeyRuns(encoded: bytes) } ?? KeyRuns()
    }
}

/// Tells whether a row that refers to nothing after an undo did so already in the state that the undo goes back to.
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

    /// True when a batch that stays did `later` behind an undone `earlier`, without which it could not have.
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

    /// Notes that the database was taken as it is, behind the last checkpoint.
    func noteTaken() throws(BatchError) {
        let last = try connection.value("SELECT max(id) FROM main.batchmgr_checkpoints")?.integer ?? 0
        try setMeta(Ledger.takenKey, "\(last)")
    }

    /// The last checkpoint behind which the database was taken as it is.
    func lastTaken() throws(BatchError) -> Int64 { try meta(Ledger.takenKey).flatMap { Int64($0) } ?? .max }
}

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

/// Looks for foreign keys that the open transaction broke. Violations that were there before are not its business, and
/// tables whose references the transaction cannot have broken are not read.
struct ForeignKeyCheck {
    private let gateway: Gateway
    private let connection: Connection
    /// What came after the state that an undo goes back to; nil when nothing is undone.
    private let later: LaterReferences?

    /// - Parameter later: knows the violations that an undo brings back as they were.
    init(_ gateway: Gateway, later: LaterReferences? = nil) {
        self.gateway = gateway
        self.later = later
        connection = gateway.connection
    }

    func newViolations() throws(BatchError) -> [ForeignKeyViolation] {
        try gateway.flush()
        let tracks = gateway.sink.tables.filter { $0.isTouched && $0.layout.role == .ordinary }
        var removedParents: Set<String> = []
        var children: Set<String> = []
        for track in tracks {
            let freed = track.uniqueKeys.contains { !$0.freed.isEmpty }
            if !track.removed.isEmpty || freed { removedParents.insert(track.layout.name.lowercased()) }
            let refers = track.references.contains { !$0.referenced.isEmpty }
            if refers { children.insert(track.layout.name) }
        }
        if !removedParents.isEmpty {
            for layout in try SchemaReader(connection).tables()
            where layout.foreignKeys.contains(where: { removedParents.contains($0.parent.lowercased()) }) {
                children.insert(layout.name)
            }
        }
        var violations: [ForeignKeyViolation] = []
        let schema = SchemaReader(connection)
        for child in children.sorted() {
            guard let layout = try schema.layout(named: child) else { continue }
            violations += try check(layout, tracks)
        }
        return violations
    }

    private func check(_ child: TableLayout, _ tracks: [CapturedTable]) throws(BatchError) -> [ForeignKeyViolation] {
        let own = tracks.filter { $0.layout.name == child.name }
        var known: [Relation: KeyRuns] = [:]
        var violations: [ForeignKeyViolation] = []
        try OrphanRows(connection).forEach(of: child) { (orphan) throws(BatchError) in
            let refers = own.contains { track in
                track.references.contains { $0.relation == orphan.relation && $0.referenced.containsAny(orphan.key) }
            }
            let isLost = lost(orphan, tracks)
            guard refers || isLost else { return }
            if known[orphan.relation] == nil {
                known[orphan.relation] = try gateway.ledger.orphans(of: child.name, orphan.relation)
            }
            if known[orphan.relation]?.contains(orphan.key) == true { return }
            if let later, try !later.broke(orphan, cameBack: refers, lost: isLost) { return }
            violations.append(
                ForeignKeyViolation(
                    table: child.name, rowid: orphan.rowid, parent: orphan.parent,
                    cause: ForeignKeyCheck.cause(of: orphan, refers: refers)))
        }
        return violations
    }

    /// Either the reference came back, or what it refers to went away.
    private static func cause(of orphan: OrphanRows.Orphan, refers: Bool) -> (table: String, key: UInt64)? {
        if refers { return orphan.rowid.map { (orphan.child, RowKey.rowid($0).order) } }
        return orphan.relation.kind == .rows ? (orphan.parent, orphan.key) : nil
    }

    /// True when the parent that a row misses was removed in this transaction.
    private func lost(_ orphan: OrphanRows.Orphan, _ tracks: [CapturedTable]) -> Bool {
        tracks.contains { track in
            if orphan.relation.kind == .rows {
                return track.layout.name == orphan.relation.table && track.removed.containsAny(orphan.key)
            }
            return track.uniqueKeys.contains { $0.relation == orphan.relation && $0.freed.containsAny(orphan.key) }
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

    struct Orphan {
        let child: String
        let parent: String
        let relation: Relation
        /// The missing key as facts name it.
        let key: UInt64
        let rowid: Int64?
    }

    /// Calls `body` for every orphan. Foreign keys that name no table or no key are an old fault of the schema: no row
    /// can satisfy them.
    func forEach(of layout: TableLayout, _ body: (Orphan) throws(BatchError) -> Void) throws(BatchError) {
        let stored = layout.storedColumns
        for (key, parent, track) in try CapturedTableBuilder(schema: schema).references(layout, stored) {
            let statement: Statement
            do throws(BatchError) { statement = try connection.prepare(query(layout, key, parent)) } catch { continue }
            var scratch = ByteBuffer()
            var image = ByteBuffer()
            while try statement.step() {
                let values = (0..<key.columns.count).map { statement.value($0) }
                // The track names the columns in the order of the parent's index.
                let ordered = track.columns.map { column in
                    key.columns.firstIndex { stored[column] == $0 }.map { values[$0] } ?? .null
                }
                guard let hash = hash(track, ordered, &image, &scratch) else { continue }
                let rowid = layout.rowidName == nil ? nil : statement.value(key.columns.count).integer
                try body(
                    Orphan(
                        child: layout.name, parent: parent.name, relation: track.relation, key: hash, rowid: rowid))
            }
        }
    }

    private func hash(
        _ track: CapturedReference, _ values: [SQLValue], _ image: inout ByteBuffer, _ scratch: inout ByteBuffer
    ) -> UInt64? {
        image.removeAll()
        var ends: [Int] = []
        for value in values {
            RowCodec.encode(value, into: &image)
            ends.append(image.count)
        }
        let bytes = image.bytes
        let parts = zip([0] + ends, ends).map { UnsafeRawBufferPointer(rebasing: bytes[$0..<$1]) }
        return track.key(of: parts, &scratch)
    }

    private func query(_ layout: TableLayout, _ key: ForeignKey, _ parent: TableLayout) -> String {
        let columns = key.columns.map { "child." + SQLName.quote(layout.columns[$0].name) }
        var names = key.parentColumns
        if names.isEmpty {
            names = parent.columns.filter { $0.primaryKeyPosition > 0 }
                .sorted { $0.primaryKeyPosition < $1.primaryKeyPosition }.map(\.name)
        }
        // The parent stands on the left: its collation and affinity decide.
        let matches = zip(names, columns).map { "parent.\(SQLName.quote($0)) = \($1)" }.joined(separator: " AND ")
        let present = columns.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
        let rowid = layout.rowidName.map { ", child.\($0)" } ?? ""
        return """
            SELECT \(columns.joined(separator: ", "))\(rowid) FROM main.\(layout.quotedName) AS child WHERE \(present) \
            AND NOT EXISTS (SELECT 1 FROM main.\(parent.quotedName) AS parent WHERE \(matches))
            """
    }
}

extension Ledger {
    /// Keeps which keys are missing already: undo may bring such rows back.
    func noteOrphans() throws(BatchError) {
        try connection.run("DELETE FROM batchmgr_orphans")
        let orphans = OrphanRows(connection)
        for layout in try SchemaReader(connection).tables() where !layout.foreignKeys.isEmpty {
            var keys: [Relation: KeyRuns] = [:]
            try orphans.forEach(of: layout) { (orphan) throws(BatchError) in
                keys[orphan.relation, default: KeyRuns()].insert(orphan.key)
            }
            for (relation, var runs) in keys {
                runs.compact()
                try connection.run(
                    "INSERT OR REPLACE INTO batchmgr_orphans VALUES(?, ?, ?)",
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
            "SELECT keys FROM batchmgr_orphans WHERE table_name = ? AND relation = ?",
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
        let facts = try facts(on: orphan.relation).filter { $0.keys.contains(orphan.key) }
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
        let last = try connection.value("SELECT max(id) FROM batchmgr_checkpoints")?.integer ?? 0
        try setMeta(Ledger.takenKey, "\(last)")
    }

    /// The last checkpoint behind which the database was taken as it is.
    func lastTaken() throws(BatchError) -> Int64 { try meta(Ledger.takenKey).flatMap { Int64($0) } ?? .max }
}

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

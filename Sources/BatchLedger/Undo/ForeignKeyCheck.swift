internal import BatchCore

/// A row that refers to nothing since an undo.
public struct ForeignKeyViolation: Hashable, Sendable {
    public let table: String
    public let rowid: Int64?
    public let parent: String
}

/// Looks for foreign keys that the open transaction broke. Violations that were there before are not its business, and
/// tables whose references the transaction cannot have broken are not read.
struct ForeignKeyCheck {
    private let gateway: Gateway
    private let connection: Connection

    init(_ gateway: Gateway) {
        self.gateway = gateway
        connection = gateway.connection
    }

    func newViolations() throws(BatchError) -> [ForeignKeyViolation] {
        let tracks = gateway.recorder.tracks.filter { $0.isTouched && $0.layout.role == .ordinary }
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
        for child in children.sorted() { violations += try check(child, tracks, removedParents) }
        return violations
    }

    private func check(
        _ child: String, _ tracks: [TableTrack], _ removedParents: Set<String>
    ) throws(BatchError) -> [ForeignKeyViolation] {
        let own = tracks.filter { $0.layout.name == child }
        // A foreign key that names no table or no key is an old fault of the schema; SQLite then reports an error.
        guard let rows = try? connection.rows("PRAGMA main.foreign_key_check(\(SQLName.quote(child)))") else {
            return []
        }
        return rows.compactMap { row in
            let parent = row[2].string ?? ""
            let rowid = row[1].integer
            let order = rowid.map { RowKey.rowid($0).order }
            let isTouched =
                order.map { key in own.contains { $0.added.containsAny(key) || $0.changed.containsAny(key) } } ?? !own
                .isEmpty
            guard isTouched || removedParents.contains(parent.lowercased()) && lostParent(child, row, tracks) else {
                return nil
            }
            return ForeignKeyViolation(table: child, rowid: rowid, parent: parent)
        }
    }

    /// True when the parent that a row misses was removed in this transaction.
    private func lostParent(_ child: String, _ row: [SQLValue], _ tracks: [TableTrack]) -> Bool {
        guard let rowid = row[1].integer, let number = row[3].integer,
            let layout = try? SchemaReader(connection).layout(named: child), let name = layout.rowidName,
            layout.foreignKeys.indices.contains(Int(number))
        else { return true }
        let key = layout.foreignKeys[Int(number)]
        let columns = key.columns.map { SQLName.quote(layout.columns[$0].name) }.joined(separator: ", ")
        let sql = "SELECT \(columns) FROM main.\(layout.quotedName) WHERE \(name) = ?"
        guard let values = try? connection.rows(sql, [.integer(rowid)]).first else { return true }
        return tracks.contains { track in
            guard track.layout.name.lowercased() == key.parent.lowercased() else { return false }
            if values.count == 1, case .integer(let parent) = values[0], track.layout.integerPrimaryKey != nil {
                return track.removed.containsAny(RowKey.rowid(parent).order)
            }
            return track.uniqueKeys.contains { unique in
                var buffer = ByteBuffer()
                for (value, collation) in zip(values, unique.collations) {
                    var one = ByteBuffer()
                    RowCodec.encode(value, into: &one)
                    guard KeyHash.append(one.bytes, collation, to: &buffer) else { return false }
                }
                return unique.freed.containsAny(buffer.hash64())
            }
        }
    }
}

extension KeyRuns {
    /// Like `contains`, for a set that is not compacted.
    func containsAny(_ key: UInt64) -> Bool { runs.contains { $0.low <= key && key <= $0.high } }
}

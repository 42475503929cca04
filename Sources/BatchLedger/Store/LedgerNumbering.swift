public import BatchCore

/// Whether rows may have other numbers than a restore point says.
///
/// VACUUM numbers rows anew where no column holds the number, and changes nothing that a digest could tell. It moves the
/// schema cookie (https://www.sqlite.org/pragma.html#pragma_schema_version), as every change of the schema does.
extension Ledger {
    /// Holds, for the last point that was made of all rows, the checkpoint before it and the schema cookie.
    private static let wholePointKey = "whole_point"

    /// Notes that a point is to be made of all rows as they are now.
    /// - Parameter checkpoint: the last one; 0 when there is none.
    public func noteWholePoint(after checkpoint: Int64) throws(BatchError) {
        try setMeta(Ledger.wholePointKey, "\(checkpoint) \(try SchemaReader(connection).version())")
    }

    /// True when rows may have other numbers than in the point before these checkpoints.
    /// - Parameter checkpoints: the first one first.
    public func mayBeRenumbered(since checkpoints: [Int64]) throws(BatchError) -> Bool {
        guard let first = checkpoints.first, let last = checkpoints.last else { return false }
        let sql = """
            SELECT id, schema_before, schema_after FROM main.batchmgr_checkpoints \
            WHERE id BETWEEN coalesce((SELECT max(id) FROM main.batchmgr_checkpoints WHERE id < ?1), 0) AND ?2 ORDER BY id
            """
        var known: (id: Int64, cookie: Int64)?
        for row in try connection.rows(sql, [.integer(first), .integer(last)]) {
            let id = row[0].integer ?? 0
            if id >= first, try hasMoved(row[1].integer ?? 0, since: known) { return try hasUnheldNumbers() }
            known = (id, row[2].integer ?? 0)
        }
        return false
    }

    /// The same, of the rows as they are now and the last point.
    public func mayBeRenumbered() throws(BatchError) -> Bool {
        let last = try connection.rows("SELECT max(id), schema_after FROM main.batchmgr_checkpoints").first
        let known = last?[0].integer.map { ($0, last?[1].integer ?? 0) }
        guard try hasMoved(try SchemaReader(connection).version(), since: known) else { return false }
        return try hasUnheldNumbers()
    }

    /// Makes a change of the schema cookie known that leaves all rows their numbers.
    /// - Parameter before: the cookie as it was.
    public func meetSchemaVersion(_ before: Int64) throws(BatchError) {
        let now = try SchemaReader(connection).version()
        try connection.run(
            """
            UPDATE main.batchmgr_checkpoints SET schema_after = ?1 WHERE schema_after = ?2 \
            AND id = (SELECT max(id) FROM main.batchmgr_checkpoints)
            """,
            [.integer(now), .integer(before)])
        if let point = try wholePoint(), point.cookie == before { try noteWholePoint(after: point.checkpoint) }
        try WriteGuard(self).followCookie(from: before)
    }

    /// - Parameter known: the checkpoint before; nil when there is none. Ledgers of version 0.1 did not note the cookie.
    private func hasMoved(_ cookie: Int64, since known: (id: Int64, cookie: Int64)?) throws(BatchError) -> Bool {
        if let known, known.cookie == cookie || known.cookie == 0 { return false }
        guard let point = try wholePoint(), point.checkpoint == known?.id ?? 0 else { return known != nil }
        return point.cookie != cookie
    }

    private func wholePoint() throws(BatchError) -> (checkpoint: Int64, cookie: Int64)? {
        guard let text = try meta(Ledger.wholePointKey) else { return nil }
        let numbers = text.split(separator: " ").compactMap { Int64($0) }
        guard numbers.count == 2 else { throw Ledger.damaged("batchmgr_meta") }
        return (numbers[0], numbers[1])
    }

    private func hasUnheldNumbers() throws(BatchError) -> Bool {
        try SchemaReader(connection).tables().contains { table in
            !table.isWithoutRowID && table.integerPrimaryKey == nil && table.role != .system
        }
    }
}

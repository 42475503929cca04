public import BatchCore
internal import CSQLite

/// Walks an audit table without making a value of any row: a million rows in a few seconds.
///
/// What it shows of a row is valid until the next one.
public final class AuditCursor {
    private let statement: Statement

    /// - Parameter first: the number to begin at.
    public init(_ table: AuditTable, from first: Int64 = .min) throws(BatchError) {
        let hashes = try table.hasHashes() ? "details_hash, previous_hash, hash" : "NULL, NULL, NULL"
        let sql = """
            SELECT seq, at, trace_id, actor, tenant, action, batch, outcome, \(hashes), details FROM main.batchmgr_audit \
            WHERE seq >= ? ORDER BY seq
            """
        statement = try table.connection.prepare(sql)
        try statement.bind([.integer(first)])
    }

    /// False at the end.
    public func next() throws(BatchError) -> Bool { try statement.step() }

    public var seq: Int64 { sqlite3_column_int64(statement.handle, 0) }
    public var action: UnsafeRawBufferPointer? { text(5) }
    public var detailsHash: UnsafeRawBufferPointer? { text(8) }
    public var previousHash: UnsafeRawBufferPointer? { text(9) }
    public var hash: UnsafeRawBufferPointer? { text(10) }
    public var details: UnsafeRawBufferPointer? { text(11) }

    /// The bytes that the row's hash is taken of, under its own number or another, with the hashes that it bears or
    /// others.
    public func encode(
        into encoding: inout AuditEncoding, seq: Int64, detailsHash: UnsafeRawBufferPointer?,
        previousHash: UnsafeRawBufferPointer?
    ) {
        encoding.begin(seq: seq)
        for column in Int32(1)...7 { encoding.add(text(column)) }
        encoding.add(detailsHash)
        encoding.add(previousHash)
    }

    /// UTF-8; nil for NULL.
    private func text(_ column: Int32) -> UnsafeRawBufferPointer? {
        // A database in UTF-16 converts here; the length is asked for afterwards.
        guard let start = sqlite3_column_text(statement.handle, column) else { return nil }
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement.handle, column)))
    }
}

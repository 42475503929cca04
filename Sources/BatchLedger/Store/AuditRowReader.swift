public import BatchCore

/// Rows of an audit table, one at a time.
public final class AuditRowReader {
    private let statement: Statement
    private let place: AuditPlace

    /// - Parameter condition: SQL behind WHERE.
    public init(
        _ table: AuditTable, of place: AuditPlace, where condition: String = "1", _ parameters: [SQLValue] = [],
        newestFirst: Bool = false
    ) throws(BatchError) {
        let hashes = try table.hasHashes() ? AuditTable.hashes.joined(separator: ", ") : "NULL, NULL, NULL"
        let order = newestFirst ? " DESC" : ""
        let sql =
            "SELECT \(AuditTable.fields), \(hashes) FROM main.batchmgr_audit WHERE \(condition) ORDER BY seq\(order)"
        statement = try table.connection.prepare(sql)
        self.place = place
        try statement.bind(parameters)
    }

    /// Nil at the end.
    public func next() throws(BatchError) -> AuditRow? {
        guard try statement.step() else { return nil }
        let values = statement.values
        func text(_ column: Int) -> String { values[column].string ?? "" }
        let entry = AuditEntry(
            at: text(1), traceID: text(2), actor: text(3), tenant: values[4].string, action: text(5),
            batch: values[6].string, outcome: text(7), details: text(8))
        return AuditRow(
            place: place, seq: values[0].integer ?? 0, entry: entry, detailsHash: values[9].string,
            previousHash: values[10].string, hash: values[11].string)
    }
}

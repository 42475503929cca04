public import BatchCore
internal import BatchHistory
internal import BatchLedger

extension Session {
    /// What tells one release of a database from another.
    public func releaseState() throws(BatchError) -> (schema: JSONValue, ledger: JSONValue) {
        try reading { () throws(BatchError) in
            let sql = """
                SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema
                WHERE name NOT LIKE 'batchmgr\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                AND tbl_name NOT LIKE 'batchmgr\\_%' ESCAPE '\\' ORDER BY type, name
                """
            let objects = try connection.rows(sql).map { row in
                JSONValue.array(row.map { .string($0.string ?? "") })
            }
            let schema: JSONValue = [
                "digest": .string(Session.sha256(Array(JSONWriter.text(.array(objects)).utf8))),
                "user_version": .integer(try connection.value("PRAGMA user_version")?.integer ?? 0),
            ]
            guard try ledger.exists() else { return (schema, ["sequence": 0, "batches": 0]) }
            let last =
                try connection.rows(
                    "SELECT coalesce(max(seq), 0), count(*) FROM main.batchmgr_batches"
                ).first ?? []
            let head: JSONValue = [
                "sequence": .integer(last.first?.integer ?? 0), "batches": .integer(last.last?.integer ?? 0),
                "digest": JSONValue(try ledger.state()?.combined.description),
            ]
            return (schema, head)
        }
    }

    /// The live batches that changed the schema since, the latest first.
    public func schemaBatches(since sequence: Int64) throws(BatchError) -> [BatchID] {
        try reading { () throws(BatchError) in
            guard try ledger.exists() else { return [] }
            let rows = try connection.rows(
                """
                SELECT batch FROM main.batchmgr_batches WHERE seq > ? AND has_ddl = 1 AND kind = 'batch'
                AND status IN ('committed', 'stopped', 'failed', 'partially_rolled_back') ORDER BY seq DESC
                """, [.integer(sequence)])
            return rows.compactMap { $0[0].string.flatMap { BatchID($0) } }
        }
    }

    public static func sha256(_ bytes: [UInt8]) -> String {
        let hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}

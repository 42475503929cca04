public import BatchCore

extension Ledger {
    /// Writes one row of the audit for a host; the caller's transaction makes it permanent.
    public func audit(
        _ action: String, batch: BatchRecord?, outcome: String, details: JSONValue, by actor: String, trace: String,
        at time: Timestamp
    ) throws(BatchError) {
        try connection.run(
            "INSERT INTO main.batchmgr_audit(at, trace_id, actor, tenant, action, batch, outcome, details) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .string(time.iso8601), .string(trace), .string(actor), .optional(batch?.tenant), .string(action),
                .optional(batch?.batch.description), .string(outcome), .string(JSONWriter.text(details)),
            ])
    }
}

internal import BatchCore
internal import BatchHistory
internal import BatchLedger

extension ControlFile {
    /// A durable transaction of which the audit has a row: neither is there without the other.
    /// - Parameter body: gives its result, and the details of the row.
    func audited<Result>(
        _ action: String, _ context: Context, _ body: () throws(BatchError) -> (Result, JSONValue)
    ) throws(BatchError) -> Result {
        // It begins the chain where there is none yet.
        _ = try ControlAudit(folder: folder, context: context)
        let chain = AuditChain(.control, on: connection)
        let (result, entry, seq) = try durably { () throws(BatchError) -> (Result, AuditEntry, Int64) in
            let (result, details) = try body()
            let entry = context.entry(action, batch: nil, tenant: nil, outcome: "done", details: details)
            return (result, entry, try chain.append(entry))
        }
        context.notes.add(.init(path: connection.path, seq: seq, action: action))
        context.log.audit(entry)
        return result
    }
}

public import BatchCore
internal import BatchHistory
public import BatchLedger

extension Context {
    /// The name of what is done: that of the verb, when one was called.
    func action(or name: String) -> String { action.isEmpty ? name : action }

    /// For a row that is nobody's in particular.
    var shared: Context {
        var shared = self
        shared.tenant = nil
        return shared
    }

    func entry(
        _ action: String, batch: String?, tenant: String?, outcome: String, details: JSONValue
    ) -> AuditEntry {
        AuditEntry(
            at: now().iso8601, traceID: traceID, actor: actor, tenant: tenant ?? self.tenant, action: action,
            batch: batch, outcome: outcome, details: JSONWriter.text(details))
    }
}

extension Ledger {
    /// Appends a row to the audit chain of the database, in the open transaction or in one of its own.
    /// - Parameter details: names and counts; never values of rows.
    public func audit(
        _ action: String, batch: BatchRecord?, outcome: String, details: JSONValue, context: Context
    ) throws(BatchError) {
        let name = batch?.batch.description
        let entry = context.entry(action, batch: name, tenant: batch?.tenant, outcome: outcome, details: details)
        let seq = try AuditChain(.ledger, on: connection).append(entry)
        context.notes.add(.init(path: connection.path, seq: seq, action: action))
        context.log.audit(entry)
    }
}

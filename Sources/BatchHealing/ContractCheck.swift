public import BatchCore
public import BatchEngine

/// Asks contracts of the data.
public struct ContractCheck {
    private let session: Session
    /// Violations that a report keeps of one contract; the others are counted.
    private static let shown = 1_000

    /// Of which rows they are asked.
    public enum Scope: Sendable {
        case all
        /// Of rows that batches have changed since a contract was last asked. What changes without a batch, or by time
        /// alone, is seen when it is asked of all.
        case changed
    }

    public init(_ session: Session) { self.session = session }

    /// One that cannot be asked fails with its reason, and stops no other.
    public func report(
        _ contracts: [ContractDefinition], tenant: String?, scope: Scope = .all
    ) throws(BatchError) -> ContractReport {
        var entries: [ContractReport.Entry] = []
        let changes = try ChangedKeys(session)
        for contract in contracts {
            do throws(BatchError) {
                entries.append(try entry(contract, tenant, scope, changes))
            } catch {
                if error.code == .stopped { throw error }
                entries.append(.init(contract: contract, status: .fail, error: error))
            }
        }
        // A figure for those who watch; without it the answer is the same.
        if tenant == nil {
            for entry in entries where entry.error == nil && entry.keys == nil {
                session.noteViolations(of: entry.contract.id, entry.violations)
            }
        }
        return ContractReport(entries: entries)
    }

    private func entry(
        _ contract: ContractDefinition, _ tenant: String?, _ scope: Scope, _ changes: ChangedKeys
    ) throws(BatchError) -> ContractReport.Entry {
        let query = CatalogQuery(session)
        let keys = scope == .changed ? changes.keys(of: contract) : nil
        var answer = try ask(contract, tenant, keys)
        let total =
            try contract.needsTotal && answer.count > 0
            ? contract.table.map { (name) throws(BatchError) in try query.count(of: name) } : nil
        var batch = keys == nil || answer.rows.isEmpty ? nil : changes.batch(of: contract)
        answer.rows = Array(answer.rows.prefix(ContractCheck.shown))
        var batches = answer.rows.map { _ in batch }
        if batch == nil, !answer.rows.isEmpty, let table = contract.table {
            let origins = try query.batches(setting: answer.rows, columns: answer.columns, of: table)
            batches = origins.map { $0?.batch?.description }
            batch =
                origins.compactMap(\.self).max { ($0.at?.milliseconds ?? .min) < ($1.at?.milliseconds ?? .min) }?
                .batch?.description
        }
        if tenant == nil, keys == nil || answer.count == 0 { changes.note(contract) }
        var entry = ContractReport.Entry(
            contract: contract, status: contract.status(violations: answer.count, of: total ?? 0),
            violations: answer.count, columns: answer.columns, rows: answer.rows, batch: batch)
        entry.keys = keys?.count
        entry.rowBatches = batches
        return entry
    }

    /// - Parameter keys: of the rows that it is asked of; nil for all.
    private func ask(
        _ contract: ContractDefinition, _ tenant: String?, _ keys: [[SQLValue]]?
    ) throws(BatchError) -> CatalogQuery.Answer {
        if keys?.isEmpty == true { return .init(columns: [], rows: [], count: 0) }
        return try CatalogQuery(session).ask(
            keys == nil ? contract.query : contract.queryOfKeys,
            ContractDefinition.parameters(keys: keys, tenant: tenant), what: "contract \(contract.id)",
            limit: ContractCheck.shown)
    }
}

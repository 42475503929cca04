public import BatchCore
public import BatchEngine

/// Asks contracts of the data.
public struct ContractCheck {
    private let session: Session
    /// Violations that a report keeps of one contract; the others are counted.
    private static let shown = 1_000

    public init(_ session: Session) { self.session = session }

    /// One that cannot be asked fails with its reason, and stops no other.
    public func report(_ contracts: [ContractDefinition], tenant: String?) throws(BatchError) -> ContractReport {
        var entries: [ContractReport.Entry] = []
        for contract in contracts {
            do throws(BatchError) {
                entries.append(try entry(contract, tenant))
            } catch {
                if error.code == .stopped { throw error }
                entries.append(.init(contract: contract, status: .fail, error: error))
            }
        }
        // A figure for those who watch; without it the answer is the same.
        if tenant == nil {
            for entry in entries where entry.error == nil {
                session.noteViolations(of: entry.contract.id, entry.violations)
            }
        }
        return ContractReport(entries: entries)
    }

    private func entry(
        _ contract: ContractDefinition, _ tenant: String?
    ) throws(BatchError) -> ContractReport.Entry {
        let query = CatalogQuery(session)
        var answer = try query.ask(
            contract.query, ["tenant": tenant.map(SQLValue.string) ?? .null], what: "contract \(contract.id)",
            limit: ContractCheck.shown)
        let total =
            try contract.needsTotal
            ? contract.table.map { (name) throws(BatchError) in try query.count(of: name) } : nil
        let batch =
            try answer.rows.isEmpty
            ? nil
            : contract.table.flatMap { (name) throws(BatchError) in
                try query.latestBatch(setting: answer.rows, columns: answer.columns, of: name)
            }
        answer.rows = Array(answer.rows.prefix(ContractCheck.shown))
        return .init(
            contract: contract, status: contract.status(violations: answer.count, of: total ?? 0),
            violations: answer.count, columns: answer.columns, rows: answer.rows, batch: batch)
    }
}

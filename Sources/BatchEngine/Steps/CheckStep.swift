internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

/// `check`: a query that must return no row.
struct CheckStep: StepKind {
    static let name = "check"

    var keys: KeyChoice {
        KeyChoice(KeyRule(CheckStep.name, .query, "A query; a row fails the batch."), beside: CatalogRules.tries)
    }

    var place: StepPlace { .rows }

    /// Rows that are shown to the person; they stay out of the message, which is kept and sent around.
    private static let shown = 5

    func run(_ step: StepRun) throws(BatchError) {
        guard let query = step.definition.settings.string else { throw step.unreadable }
        try step.retrying { () throws(BatchError) in
            try step.checkpoint { () throws(BatchError) in try look(query, step) }
        }
    }

    private func look(_ query: String, _ step: StepRun) throws(BatchError) {
        var found = 0
        var (columns, rows): ([String], [[SQLValue]]) = ([], [])
        let prepared = try step.prepare(query: query, "check")
        try step.gateway.run(prepared, step.bindings) { (row) throws(BatchError) in
            if found == 0 { columns = (0..<row.columnCount).map { row.columnName($0) } }
            if found < CheckStep.shown { rows.append(row.values) }
            found += 1
        }
        guard found > 0 else { return }
        step.run.context.showRows(
            RowSample(
                title: "found by check \(step.definition.id)", columns: columns, rows: rows, more: found - rows.count))
        throw BatchError(
            .checkFailed,
            "check \(step.definition.id) of \(step.run.batch.batch) found \(found) \(found == 1 ? "row" : "rows") (\(columns.joined(separator: ", ")))",
            hint: "see them with the query of the check: \(command: "catalog show --id \(step.run.job.id)")")
    }
}

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

    func run(_ step: StepRun) throws(BatchError) {
        guard let query = step.definition.settings.string else { throw step.unreadable }
        try step.retrying { () throws(BatchError) in
            try step.checkpoint { () throws(BatchError) in try look(query, step) }
        }
    }

    private func look(_ query: String, _ step: StepRun) throws(BatchError) {
        var found = 0
        var sample = ""
        let prepared = try step.prepare(query: query, "check")
        try step.gateway.run(prepared, step.bindings) { (row) throws(BatchError) in
            if found == 0 { sample = (0..<row.columnCount).map { row.columnName($0) }.joined(separator: ", ") }
            found += 1
        }
        guard found > 0 else { return }
        throw BatchError(
            .checkFailed,
            "check \(step.definition.id) of \(step.run.batch.batch) found \(found) \(found == 1 ? "row" : "rows") (\(sample))",
            hint: "see them with the query of the check: \(command: "catalog show --id \(step.run.job.id)")")
    }
}

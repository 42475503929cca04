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
            Context.RowSample(
                title: "found by check \(step.definition.id)", columns: columns, rows: rows, more: found - rows.count))
        throw BatchError(
            .checkFailed,
            "check \(step.definition.id) of \(step.run.batch.batch) found \(found) \(found == 1 ? "row" : "rows") (\(columns.joined(separator: ", ")))",
            hint: "see them with the query of the check: \(command: "catalog show --id \(step.run.job.id)")")
    }
}

/// The `verify:` queries of a job.
struct VerifyQueries {
    let session: Session

    /// The queries that do not hold. A query holds when its first row begins with a true value.
    func failing(_ queries: [String], _ parameters: [String: SQLValue]) throws(BatchError) -> [String] {
        var failing: [String] = []
        for query in queries {
            let statement = try session.connection.prepare(query, isVerbatim: true)
            guard statement.isReadOnly else {
                throw BatchError(.forbiddenStatement, "a verify query changes data", hint: "give a SELECT")
            }
            guard SQLText.isBlank(statement.tail) else {
                throw BatchError(
                    .forbiddenStatement, "a verify query is more than one statement, and only the first would be run",
                    hint: "write one query; see docs/catalog.md")
            }
            try statement.bind(named: parameters)
            let value = try statement.step() ? statement.value(0) : .null
            if !VerifyQueries.isTrue(value) { failing.append(query) }
        }
        return failing
    }

    func require(_ queries: [String], _ parameters: [String: SQLValue], of batch: BatchID) throws(BatchError) {
        let failing = try failing(queries, parameters)
        guard let first = failing.first else { return }
        throw BatchError(
            .verificationFailed, "batch \(batch) left data that its job says is wrong: \(first)",
            hint: "undo it: \(command: "rollback --id \(batch)")")
    }

    /// As in SQL's WHERE.
    private static func isTrue(_ value: SQLValue) -> Bool {
        switch value {
        case .integer(let number): number != 0
        case .real(let number): number != 0
        case .text, .text16: (Double(value.string ?? "") ?? 0) != 0
        default: false
        }
    }
}

internal import BatchCore
internal import BatchLedger

/// The `verify:` queries of a job.
struct VerifyQueries {
    let session: Session

    /// The queries that do not hold. A query holds when its first row begins with a true value.
    func failing(_ queries: [String], _ parameters: [String: SQLValue]) throws(BatchError) -> [String] {
        var failing: [String] = []
        for query in queries {
            let statement = try session.connection.prepare(query)
            guard statement.isReadOnly else {
                throw BatchError(.forbiddenStatement, "a verify query changes data", hint: "give a SELECT")
            }
            guard SQLText.isBlank(statement.tail) else {
                throw BatchError(
                    .forbiddenStatement, "a verify query is more than one statement, and only the first would be asked",
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
            .verificationFailed, "batch \(batch) left data that its job calls wrong: \(first)",
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

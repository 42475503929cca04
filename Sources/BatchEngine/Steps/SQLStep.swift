internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

/// `sql`: statements, once or for each row of a query.
struct SQLStep: StepKind {
    static let name = "sql"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(SQLStep.name, .statements, "One or more statements."),
            beside: [
                KeyRule(
                    "for_each", .query,
                    "A query; the statements run for each of its rows, columns bound as `:column`."),
                KeyRule(
                    "chunk", .integer(1...10_000_000), companion: "for_each",
                    "Rows of `for_each` per checkpoint (all in one)."),
                KeyRule(
                    "pause", .text(.duration), companion: "chunk",
                    "How long others have the database to themselves after each checkpoint (as long as they need)."),
            ] + CatalogRules.tries)
    }

    var place: StepPlace { .rows }

    func require(_ step: StepDefinition, in session: Session) throws(BatchError) {
        guard let script = step.script, SQLScript(script).vacuums else { return }
        throw BatchError(
            .forbiddenStatement, "step \(step.id): VACUUM cannot run in a transaction, and every checkpoint is one",
            hint: "leave it out, and afterwards: \(command: "vacuum")")
    }

    /// Run again, it would see other files than it saw.
    func objectionToReplay(_ step: StepDefinition) -> String? {
        let sql = (step.script ?? "") + (step.forEach ?? "")
        let looks = ["file_size", "file_sha256", "files_below", "workspace_faults"].contains { sql.contains("\($0)(") }
        return looks ? "reads files, which may have changed" : nil
    }

    func run(_ step: StepRun) throws(BatchError) {
        guard let text = step.definition.script else { throw step.unreadable }
        let script = SQLScript(text)
        let settings = try OwnSettings(script, step.run.session.connection)
        defer { settings.restore() }
        if step.definition.forEach == nil {
            try step.retrying { () throws(BatchError) in
                try step.checkpoint { () throws(BatchError) in try runOnce(script, step) }
            }
        } else {
            try runForEach(script, step)
        }
    }

    private func runOnce(_ script: SQLScript, _ step: StepRun) throws(BatchError) {
        let results = step.run.results
        results.clear(step.definition.id)
        try forEachStatement(of: script, step) { (statement) throws(BatchError) in
            try step.gateway.run(statement, step.bindings) { (row) throws(BatchError) in
                results.add(row, step.definition.id)
            }
            step.run.context.reach("statement")
        }
    }

    /// Prepares each statement after the one before it, which may have made what it names.
    private func forEachStatement(
        of script: SQLScript, _ step: StepRun, _ body: (GatewayStatement) throws(BatchError) -> Void
    ) throws(BatchError) {
        for (index, statement) in script.statements.enumerated() {
            do throws(BatchError) {
                var rest = statement.text
                while !SQLText.isBlank(rest) {
                    let prepared = try step.gateway.prepare(rest)
                    rest = prepared.statement.tail
                    try body(prepared)
                }
            } catch {
                if script.statements.count == 1 { throw error }
                throw step.located(error, "statement \(index + 1), line \(statement.line)")
            }
        }
    }

    // MARK: For each

    private func runForEach(_ script: SQLScript, _ step: StepRun) throws(BatchError) {
        let run = step.run
        var list = try Worklist.load(run.session.ledger, batch: run.batch.seq, step: step.definition.id)
        var position = step.position
        repeat {
            try run.stopIfAsked()
            try step.retrying { () throws(BatchError) in
                let (items, end) = try runChunk(script, list, from: position, step)
                // In a dry run the list is thrown away with everything else.
                list = run.purpose.isOneTransaction ? nil : items
                position = end
            }
        } while position < (list?.count ?? 0)
    }

    /// One checkpoint: the items from `start` on, up to the returned place.
    private func runChunk(
        _ script: SQLScript, _ known: Worklist?, from start: Int, _ step: StepRun
    ) throws(BatchError) -> (Worklist, Int) {
        var done: (items: Worklist, end: Int)?
        let work = { () throws(BatchError) in done = try runItems(script, known, from: start, step) }
        try step.checkpoint(position: { done.map { "\($0.end)" } }, work)
        guard let done else {
            throw BatchError(
                .internalFault, "step \(step.definition.id) has lost its worklist",
                hint: "check the database: \(command: "doctor")")
        }
        return (done.items, done.end)
    }

    private func runItems(
        _ script: SQLScript, _ known: Worklist?, from start: Int, _ step: StepRun
    ) throws(BatchError) -> (items: Worklist, end: Int) {
        let (run, gateway) = (step.run, step.gateway)
        let items: Worklist
        if let known {
            items = known
        } else {
            items = try Worklist.create(step)
        }
        let size = run.purpose.isOneTransaction ? items.count : step.definition.chunk ?? items.count
        let end = size < items.count - start ? start + size : items.count
        run.noteLast(run.isLast(step.definition) && end >= items.count)
        let statements = try prepareAll(script, step)
        let bindings = step.bindings
        var done = start
        try items.forEach(from: start, to: end) { (row) throws(BatchError) in
            let values = bindings.merging(row) { _, column in column }
            do throws(BatchError) {
                for statement in statements {
                    try gateway.run(statement, values)
                    run.context.reach("item-statement")
                }
            } catch {
                if error.code == .stopped { throw error }
                run.context.showRows(
                    Context.RowSample(
                        title: "the item that failed", columns: items.columns,
                        rows: [items.columns.map { row[$0] ?? .null }]))
                throw step.located(error, "item \(done + 1) of \(items.count)")
            }
            done += 1
        }
        if end >= items.count {
            try Worklist.remove(run.session.ledger, batch: run.batch.seq, step: step.definition.id)
        }
        run.context.phase("\(run.batch.batch) \(step.definition.id)", end, of: items.count)
        return (items, end)
    }

    private func prepareAll(_ script: SQLScript, _ step: StepRun) throws(BatchError) -> [GatewayStatement] {
        var statements: [GatewayStatement] = []
        try forEachStatement(of: script, step) { (statement) throws(BatchError) in
            guard !statement.changesSchema else {
                throw BatchError(
                    .forbiddenStatement, "step \(step.definition.id) changes the schema for each row",
                    hint: "put CREATE, DROP and ALTER into a step of their own")
            }
            statements.append(statement)
        }
        return statements
    }

    /// Settings of the connection that a script changes: they end with the step.
    private struct OwnSettings {
        private let connection: Connection
        private let before: [(name: String, value: Int64)]

        init(_ script: SQLScript, _ connection: Connection) throws(BatchError) {
            self.connection = connection
            var before: [(name: String, value: Int64)] = []
            for name in script.settings.sorted() {
                before.append((name, try connection.value("PRAGMA \(name)")?.integer ?? 0))
            }
            self.before = before
        }

        func restore() {
            for (name, value) in before { try? connection.execute("PRAGMA \(name) = \(value)") }
        }
    }
}

extension StepDefinition {
    /// The statements of a `sql` step.
    var script: String? { kind == SQLStep.name ? settings.string : nil }
}

extension JobDefinition {
    /// Whether its SQL asks for foreign keys to be enforced; nil when it says nothing.
    var foreignKeys: Bool? {
        var isOn: Bool?
        for sql in steps.compactMap(\.script) { isOn = SQLScript(sql).foreignKeys ?? isOn }
        return isOn
    }
}

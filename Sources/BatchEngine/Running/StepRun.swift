internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Runs one step of a batch.
struct StepRun {
    let run: BatchRun
    let step: StepDefinition

    private var gateway: Gateway { run.gateway }
    private var ledger: Ledger { run.session.ledger }
    private var context: Context { run.context }

    /// - Parameter position: of a chunked step that was stopped: items done.
    /// - Throws: the failure, with the names of step and batch in it.
    func perform(from position: Int = 0) throws(BatchError) {
        let span = Log.newSpan(context)
        log(.info, "step.begin", "step \(step.id) begins", span)
        do throws(BatchError) {
            try work(from: position)
            log(.info, "step.end", "step \(step.id) is done", span)
        } catch {
            log(
                error.code == .stopped ? .warn : .error, "step.end", "step \(step.id): \(error.logMessage)", span, error
            )
            var message = error.message
            if let said = error.saidBySQLite { message = "step \(step.id) of \(run.batch.batch): \(said)" }
            if [.otherTenant, .protectedData, .limitExceeded].contains(error.code) {
                message = "step \(step.id) of \(run.batch.batch): \(message)"
            }
            throw error.with(
                message: message,
                hint: error.hint.filling("BATCH", "\(run.batch.batch)").filling("JOB", run.job.id),
                subject: error.subject ?? .step(step.id))
        }
    }

    private func log(
        _ level: LogLevel, _ event: String, _ message: String, _ span: String, _ error: BatchError? = nil
    ) {
        context.log.write(
            level, event, message, module: .runner, batch: run.logged, step: step.id, span: span, error: error)
    }

    private func work(from position: Int) throws(BatchError) {
        switch step.kind {
        case .sql(let sql):
            if step.forEach == nil {
                try withRetry { () throws(BatchError) in try runOnce(sql) }
            } else {
                try runForEach(sql, from: position)
            }
        case .check(let query): try withRetry { () throws(BatchError) in try check(query) }
        case .exec(let arguments): try outside("program") { () throws(BatchError) in try execute(arguments) }
        case .export(let export): try outside("export") { () throws(BatchError) in try write(export) }
        case .snapshot: try outside("snapshot") { () throws(BatchError) in try snapshot() }
        case .plugin(let name, let settings):
            try outside("plugin \(name)") { () throws(BatchError) in try call(name, settings) }
        }
    }

    private func withRetry(_ body: () throws(BatchError) -> Void) throws(BatchError) {
        // A failed try would take everything before it with it: there is no second one.
        let rule = run.purpose == .replay || run.isAtomic ? nil : step.retry
        let policy = rule.map { RetryPolicy(attempts: $0.maximum + 1, backoff: $0.backoff.milliseconds) } ?? .once
        var isGivenUp = false
        do throws(BatchError) {
            try policy.run(
                sleep: { milliseconds in
                    isGivenUp = !pause(milliseconds)
                    return !isGivenUp
                },
                onRetry: { attempt, error, _ in run.warn(.stepRetried, "step \(step.id), attempt \(attempt): \(error)")
                },
                attempt: { (_) throws(BatchError) in try body() })
        } catch {
            // The step did not fail for good: somebody wanted the batch to stop before it was tried again.
            if isGivenUp { try run.stopIfAsked() }
            throw error
        }
    }

    /// Waits; false when a stop is asked for meanwhile.
    private func pause(_ milliseconds: Int64) -> Bool {
        var left = milliseconds
        while left > 0, !stop() {
            let part = min(left, 200)
            context.sleep(part)
            left -= part
        }
        return !stop()
    }

    /// Steps outside the database are not part of a dry run.
    private func outside(_ what: String, _ body: () throws(BatchError) -> Void) throws(BatchError) {
        switch run.purpose {
        case .work: try withRetry(body)
        case .dryRun: run.warn(.stepLeftOut, "step \(step.id): the \(what) was not run in this dry run")
        case .replay where step.isOutside: run.waiting.append(step)
        case .replay: run.warn(.stepLeftOut, "step \(step.id) of \(run.batch.batch): the \(what) was not made again")
        case .rehearsal: run.leaveOut(step, what)
        }
    }

    // MARK: SQL

    private func runOnce(_ sql: String) throws(BatchError) {
        try run.checkpoint(step) { () throws(BatchError) in
            try gateway.run(script: ForeignKeySetting.split(sql).rest, run.bindings) { context.reach("statement") }
        }
    }

    private func runForEach(_ sql: String, from start: Int) throws(BatchError) {
        var list = try Worklist.load(ledger, batch: run.batch.seq, step: step.id)
        var position = start
        repeat {
            try run.stopIfAsked()
            try withRetry { () throws(BatchError) in
                let (items, end) = try runChunk(sql, list, from: position)
                // In a dry run the list is thrown away with everything else.
                list = run.isDryRun ? nil : items
                position = end
            }
        } while position < (list?.count ?? 0)
    }

    /// One checkpoint: the items from `start` on, up to the returned place.
    private func runChunk(_ sql: String, _ known: Worklist?, from start: Int) throws(BatchError) -> (Worklist, Int) {
        var done: (items: Worklist, end: Int)?
        let work = { () throws(BatchError) in done = try runItems(sql, known, from: start) }
        try run.checkpoint(step, position: { done.map { "\($0.end)" } }, body: work)
        guard let done else {
            throw BatchError(.internalFault, "step \(step.id) lost its worklist", hint: "\(command: "doctor")")
        }
        return (done.items, done.end)
    }

    private func runItems(
        _ sql: String, _ known: Worklist?, from start: Int
    ) throws(BatchError) -> (items: Worklist, end: Int) {
        let items: Worklist
        if let known {
            items = known
        } else {
            items = try Worklist.create(
                gateway, batch: run.batch.seq, step: step, query: step.forEach ?? "", run.bindings)
        }
        let size = run.isDryRun ? items.count : step.chunk ?? items.count
        let end = size < items.count - start ? start + size : items.count
        let statements = try prepareAll(sql)
        let bindings = run.bindings
        try items.forEach(from: start, to: end) { (row) throws(BatchError) in
            let values = bindings.merging(row) { _, column in column }
            for statement in statements {
                try gateway.run(statement, values)
                context.reach("item-statement")
            }
        }
        if end >= items.count { try Worklist.remove(ledger, batch: run.batch.seq, step: step.id) }
        context.progress(StepProgress(batch: run.batch.batch, step: step.id, done: end, total: items.count))
        return (items, end)
    }

    private func prepareAll(_ sql: String) throws(BatchError) -> [GatewayStatement] {
        var statements: [GatewayStatement] = []
        var rest = ForeignKeySetting.split(sql).rest
        while !SQLText.isBlank(rest) {
            let statement = try gateway.prepare(rest)
            if statement.changesSchema {
                throw BatchError(
                    .forbiddenStatement, "step \(step.id) changes the schema for each row",
                    hint: "put CREATE, DROP and ALTER into a step of their own")
            }
            rest = statement.statement.tail
            statements.append(statement)
        }
        return statements
    }

    private func check(_ query: String) throws(BatchError) {
        var found = 0
        var sample = ""
        let look = { () throws(BatchError) in
            let prepared = try gateway.prepare(query)
            guard prepared.statement.isReadOnly else {
                throw BatchError(.forbiddenStatement, "check \(step.id) changes data", hint: "give a SELECT")
            }
            try gateway.run(prepared, run.bindings) { (row) throws(BatchError) in
                if found == 0 { sample = (0..<row.columnCount).map { row.columnName($0) }.joined(separator: ", ") }
                found += 1
            }
            if found > 0 {
                throw BatchError(
                    .checkFailed,
                    "check \(step.id) of \(run.batch.batch) found \(found) \(found == 1 ? "row" : "rows") (\(sample))",
                    hint: "see them with the query of the check: \(command: "catalog show --id \(run.job.id)")")
            }
        }
        try run.checkpoint(step, body: look)
    }

    // MARK: Outside the database

    private var placeholders: PlaceholderValues {
        PlaceholderValues(
            batch: run.batch.batch.description, tenant: run.batch.tenant, step: step.id,
            parameters: Dictionary(run.values.entries.map { ($0.name, $0.value) }) { first, _ in first })
    }

    private var stop: () -> Bool {
        let lease = run.lease
        let context = self.context
        return { context.stopWish() != .goOn || lease?.isStopRequested == true }
    }

    private func execute(_ arguments: [String]) throws(BatchError) {
        let filled = try CommandTemplate(arguments).filled(with: placeholders)
        let undo = try step.undo.map { (template) throws(BatchError) in
            try CommandTemplate(template).filled(with: placeholders)
        }
        let program = CommandLineProgram(
            arguments: filled, folder: run.session.workspace.folder, timeout: run.timeLeft(step))
        let outcome = try ExternalCommand(program, clock: context.clock).run(stop: stop)
        context.reach("program-ended")
        try outcome.requireSuccess(of: program, for: "step \(step.id)")
        try record(
            .exec,
            [
                "arguments": .array(filled.map(JSONValue.string)),
                "undo": undo.map { .array($0.map(JSONValue.string)) } ?? .null,
            ])
    }

    private func call(_ name: String, _ settings: JSONValue) throws(BatchError) {
        let plugin = try run.session.plugins().plugin(name)
        let parameters = (try? JSONParser.parse(PinnedParameters.text(run.values))) ?? .null
        let request = PluginRequest(
            .run, batch: run.batch.batch.description, step: step.id, tenant: run.batch.tenant, parameters: parameters,
            settings: settings)
        let description = try plugin.describe()
        let batch = run.batch.batch
        let result = try plugin.call(request, timeout: run.timeLeft(step), stop: stop) { progress in
            context.progress(
                StepProgress(
                    batch: batch, step: step.id, done: Int(progress.done), total: progress.total.map { Int($0) }))
        }
        try record(
            .plugin,
            ["plugin": .string(name), "settings": settings, "result": result, "can_undo": .bool(description.canUndo)])
    }

    private func write(_ export: ExportDefinition) throws(BatchError) {
        let format = ExportFormat(rawValue: export.format.rawValue) ?? .csv
        let target = try Export(to: export.file, in: run.session.workspace.folder, format: format)
        try gateway.showingOwnRows(of: export.query) { () throws(BatchError) in
            try write(export, to: target)
        }
    }

    private func write(_ export: ExportDefinition, to target: Export) throws(BatchError) {
        let prepared = try gateway.prepare(export.query)
        guard prepared.statement.isReadOnly else {
            throw BatchError(.forbiddenStatement, "export \(step.id) changes data", hint: "give a SELECT")
        }
        try prepared.statement.bind(named: run.bindings)
        defer { prepared.statement.reset() }
        let file = try target.write(ExportRows(prepared.statement), hash: .sha256(), stop: stop)
        context.reach("file-written")
        try record(
            .export, reading: prepared,
            [
                "path": .string(file.path), "format": .string(file.format.rawValue), "rows": JSONValue(file.rows),
                "bytes": JSONValue(file.bytes), "sha256": .string(file.sha256),
            ])
    }

    private func snapshot() throws(BatchError) {
        let state = try DatabaseState.read(run.session.connection, digest: ledger.state())
        let file = try PointKeeper(session: run.session).writeFull(run.batch.batch, at: context.now(), before: state)
        try record(.snapshot, ["bak": .string(file.name), "sha256": .string(file.sha256)])
    }

    /// - Parameter query: what the step read for it.
    private func record(
        _ kind: Effect.Kind, reading query: GatewayStatement? = nil, _ detail: JSONValue
    ) throws(BatchError) {
        if let noted = run.noted {
            return try ledger.insert(kind, batch: run.batch.seq, checkpoint: noted, step: step.id, detail: detail)
        }
        try run.checkpoint(step) {
            if let query { gateway.note(query) }
        } finish: { (checkpoint) throws(BatchError) in
            try ledger.insert(kind, batch: run.batch.seq, checkpoint: checkpoint, step: step.id, detail: detail)
        }
    }
}

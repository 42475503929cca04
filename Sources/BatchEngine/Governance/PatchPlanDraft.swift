internal import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Makes a patch plan of a job that is not to run yet: tries it on a copy, and writes down what it would do.
struct PatchPlanDraft {
    let session: Session

    /// How long a plan may be applied, unless its author says otherwise.
    private static let life: Duration = .seconds(7 * 86_400)

    /// - Parameter batch: as it would be inserted. The caller has the lease, and drift is in the ledger.
    func make(_ order: RunOrder, _ batch: BatchRecord, _ because: String) throws(BatchError) -> PatchPlanReport {
        let author = session.context.actor
        let pretended = Approval(plan: "", author: author, approver: "", approvedAt: "")
        let result: Rehearsal.Result
        do throws(BatchError) {
            result = try Rehearsal(session: session).perform(
                .init(job: order.job, values: order.values, batch: batch, approval: pretended))
        } catch {
            try? session.ledger.audit(
                "plan propose", batch: batch, outcome: "refused",
                details: .object([.init("error", .string(error.description))] + error.reachedDetails),
                context: session.context)
            throw error
        }
        let store = try session.control()
        let head = try LedgerHeadCheck(session: session).head()
        let now = session.context.now()
        let ends = now.milliseconds + (order.planLife ?? PatchPlanDraft.life).wholeMilliseconds
        var made: PatchPlan?
        let record = try store.addPlan { (id) throws(BatchError) in
            let plan = PatchPlan(
                id: id, job: order.job.id, level: order.job.level, definition: order.job.text,
                parameters: PinnedParameters.text(order.values), tenant: order.tenant,
                key: order.key ?? "\(id)/\(batch.traceID)", author: author, createdAt: now,
                expiresAt: Timestamp(milliseconds: ends), because: because, head: head,
                outcome: .init(
                    batch: batch.batch, rows: result.batch.rows, state: result.after.combined,
                    changes: Hex.string(result.changes.hash)),
                inputs: result.inputs, details: details(order, result))
            made = plan
            let record = try write(plan)
            try session.ledger.audit(
                "plan propose", batch: batch, outcome: "proposed",
                details: [
                    "plan": .string("\(id)"), "sha256": .string(record.sha256), "because": .string(because),
                    "rows": result.batch.rows.json,
                ], context: session.context)
            session.context.reach("plan-audited")
            return record
        }
        session.context.reach("plan-kept")
        DriftDetection(session: session).remember(version: session.connection.dataVersion)
        session.notify(.approval, "\(record.id) of \(order.job.id) waits for approval", batch, of: order.job)
        return PatchPlanRegister(session: session, store: store).report(record, content: made)
    }

    private func write(_ plan: PatchPlan) throws(BatchError) -> PatchPlanRecord {
        let folder = session.backups + "/reports"
        try Folder.create(folder)
        // The file of another life of control.db stays.
        var file = "plan_\(plan.id.number).json"
        if Folder.exists("\(folder)/\(file)") { file = "plan_\(plan.id.number)_\(plan.createdAt.compact).json" }
        let path = "\(folder)/\(file)"
        try DurableFile.write(Array((JSONWriter.text(.object(plan.members), indented: true) + "\n").utf8), to: path)
        let sha256 = try SHA256.hex(ofFile: path)
        func record(_ seal: String) -> PatchPlanRecord {
            PatchPlanRecord(
                id: plan.id, database: plan.head.database, job: plan.job, tenant: plan.tenant, author: plan.author,
                createdAt: plan.createdAt.iso8601, expiresAt: plan.expiresAt.iso8601, file: file, sha256: sha256,
                seal: seal)
        }
        return record(try PatchPlanSeal(folder: session.backups).seal(record("")))
    }

    // MARK: What people want to see

    private func details(_ order: RunOrder, _ result: Rehearsal.Result) -> [JSONValue.Member] {
        let diff = result.diff
        let changes = diff.report.changes
        func sql(_ changes: [Change]) -> JSONValue { .array(changes.map { .string($0.sql) }) }
        return [
            .init("blast_radius", blastRadius(order, result)), .init(IsolationCheck.Scope.key, result.scope.json),
            .init("diff", .object(diff.members)),
            .init(
                "sql",
                [
                    "complete": .bool(diff.isComplete && diff.report.schema.isEmpty), "forward": sql(changes),
                    "back": sql(changes.reversed().map(\.inverse)),
                ]), .init("checks", checks(order.job)), .init("rehearsal", .array(result.checks.map(\.json))),
            .init("rollback", result.rollback), .init("left_out", .array(result.leftOut.map(JSONValue.string))),
            .init("checkpoints", JSONValue(result.checkpoints)),
            .init("estimate_ms", JSONValue(Int(result.milliseconds.rounded(.up)))),
        ]
    }

    private func blastRadius(_ order: RunOrder, _ result: Rehearsal.Result) -> JSONValue {
        let tenants = result.diff.tenants.isEmpty ? order.tenant.map { [$0] } ?? [] : result.diff.tenants
        return [
            "tenants": .array(tenants.map(JSONValue.string)), "rows": result.batch.rows.json,
            "tables": .array(
                result.diff.report.tables.map { .object([.init("table", .string($0.table))] + $0.rows.members) }),
            "referring_tables": .array(result.diff.referring.map(JSONValue.string)),
            "batches": .array(result.touchedBatches.map(\.json)),
        ]
    }

    /// Checks that stand in front of every change run before it; all others, and the verify queries, after.
    private func checks(_ job: JobDefinition) -> JSONValue {
        var (before, after): ([JSONValue], [JSONValue]) = ([], [])
        var hasChanged = false
        for step in job.steps {
            if step.kind == CheckStep.name, let query = step.settings.string {
                let check: JSONValue = ["step": .string(step.id), "check": .string(query)]
                if hasChanged { after.append(check) } else { before.append(check) }
            } else {
                hasChanged = true
            }
        }
        after += job.verify.map { ["verify": .string($0)] }
        return ["before": .array(before), "after": .array(after)]
    }
}

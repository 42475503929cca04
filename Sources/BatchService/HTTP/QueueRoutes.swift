internal import BatchControl
internal import BatchCore
internal import BatchEngine

/// `/api/queue/…`: the verbs of the queue.
enum QueueRoutes {
    private static let access = Route.Access.role(.operator)

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/queue", name: "listQueue", summary: "Jobs in the queue, the latest first",
            access: .role(.viewer),
            query: [
                .choice("state", QueueState.self, "only jobs in this state (default: those that are open or failed)"),
                .job(), Parameter("stuck", .boolean, "only those that have been in their state for too long"),
                Parameter("removed", .boolean, "those that were removed in the last 24 hours"), .limit,
            ],
            answer: .report(["jobs"]), perform: list),
        Route(
            method: .get, path: "/api/queue/{id}", name: "showQueued",
            summary: "One job in the queue, with its attempts",
            access: .role(.viewer), places: [.queueID], answer: .report(["id", "state"]),
            perform: { (call) throws(BatchError) in call.report(try call.ownJob()) }),
        Route(
            method: .post, path: "/api/queue", name: "enqueue", summary: "Put a job into the queue", access: access,
            action: "queue add",
            body: [
                .job().required, Parameter("set", .assignments, "its parameters"),
                Parameter("priority", .integer(0...1_000_000), "higher ones go first (default: 0)"),
                Parameter(
                    "at",
                    .text(pattern: "^20[0-9]{2}-(0[1-9]|1[0-2])-([01][1-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]Z$"),
                    "not before, in UTC"),
                .text("unique", "an open job with this key is not added again"),
                .text("sequence", "jobs with the same key run one after the other"),
                Parameter("attempts", .integer(1...100), "how often it is tried (default: 3)"),
                .span("backoff", "before the second attempt"), .span("timeout", "how long it may run"),
            ],
            answer: .report(["id", "state"]), isFollowedByAudit: true, perform: add),
        Route(
            method: .post, path: "/api/queue/{id}/retry", name: "retryQueued",
            summary: "Try a job again that failed, was cancelled or is held back",
            access: access, action: "queue retry", places: [.queueID], answer: .report(["id", "state"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.queue().retry(try call.ownJob().entry.job.number))
            }),
        Route(
            method: .post, path: "/api/queue/{id}/cancel", name: "cancelQueued",
            summary: "Cancel a job; one that runs stops at its next checkpoint",
            access: access, action: "queue cancel", places: [.queueID], body: [.reason],
            answer: .report(["id", "state"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.queue().cancel(try call.ownJob().entry.job.number, reason: try call.required("reason")))
            }),
        Route(
            method: .post, path: "/api/queue/{id}/resolve", name: "resolveQueued", summary: "Settle a job that failed",
            access: access, action: "queue resolve", places: [.queueID], body: [.reason],
            answer: .report(["id", "state"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.queue().resolve(try call.ownJob().entry.job.number, reason: try call.required("reason")))
            }),
        Route(
            method: .post, path: "/api/queue/redrive", name: "redriveQueue",
            summary: "Try all failed jobs again",
            access: access, action: "queue dead redrive", body: [.job()], answer: .report(["redriven"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.queue().redrive(job: call.value("job"), tenant: call.tenant))
            }),
        Route(
            method: .post, path: "/api/queue/bulk", name: "bulkQueue",
            summary: "Do something to all jobs that fit, for at most two seconds a call; call again for those left",
            access: access, action: "queue bulk",
            body: [
                .choice("action", QueueBulkAction.self, "what is done to them").required,
                .choice("state", QueueState.self, "only jobs in this state"), .job(),
                .text("reason", "why; needed for all but retry and restore"),
                Parameter(
                    "confirm", .integer(0...1_000_000_000),
                    "how many there are, as counted by a dry run; refused when there are more by now"),
                .dryRun,
            ],
            answer: .report(["action", "jobs", "done", "left"]), perform: bulk),
        Route(
            method: .post, path: "/api/queue/pause", name: "pauseQueue",
            summary: "Let no job begin, or none of one kind",
            access: access, hasTenants: false, action: "queue pause", body: [.job(), .reason],
            answer: .report(["paused"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.queue().pause(job: call.value("job"), reason: try call.required("reason")))
            }),
        Route(
            method: .get, path: "/api/queue/limits", name: "listQueueLimits",
            summary: "How many jobs of a definition or a kind run at the same time", access: .role(.viewer),
            hasTenants: false, answer: .report(["limits"]),
            perform: { (call) throws(BatchError) in call.report(try call.queue().limits()) }),
        Route(
            method: .post, path: "/api/queue/limits", name: "limitQueue",
            summary: "Set how many jobs of a definition or a kind run at the same time",
            access: access, hasTenants: false, action: "queue limit",
            body: [
                .job(), .choice("kind", QueueOrder.Kind.self, "all jobs of this kind, instead of one definition"),
                Parameter("most", .integer(1...1_000), "at most this many (default: any number)"),
            ],
            answer: .report(["limits"]), perform: limit),
        Route(
            method: .post, path: "/api/queue/resume", name: "resumeQueue", summary: "Let jobs begin again",
            access: access, hasTenants: false, action: "queue resume", body: [.job()], answer: .report(["paused"]),
            perform: { (call) throws(BatchError) in call.report(try call.queue().resume(job: call.value("job"))) }),
    ]

    private static func list(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let state: QueueState? = call.choice("state")
        let isRemoved = call.flag("removed")
        let usual = isRemoved ? [] : QueueState.allCases.filter { $0.isOpen || $0.isLost }
        let report = try call.queue().list(
            states: state.map { [$0] } ?? usual, job: call.value("job"), tenant: call.tenant,
            isStuck: call.flag("stuck"), isRemoved: isRemoved, limit: call.number("limit") ?? 1_000)
        // How many others have is not for a token of one tenant.
        guard call.caller.tenant != nil else { return call.report(report) }
        return call.report(
            QueueListReport(
                entries: report.entries, total: report.total, counts: [:], pauses: [], now: call.context.now()))
    }

    /// - Throws: `ERR_UX_USAGE` when no count was given, or there are more by now; the hint names the number.
    private static func bulk(_ call: APICall) throws(BatchError) -> HTTPResponse {
        guard let action: QueueBulkAction = call.choice("action") else {
            throw BatchError(.usage, "'action' is missing", hint: "")
        }
        let state: QueueState? = call.choice("state")
        let filter = QueueFilter(states: state.map { [$0] } ?? [], job: call.value("job"), tenant: call.tenant)
        let queue = try call.queue()
        let count = try queue.count(action, filter)
        if call.flag("dry_run") {
            return call.report(QueueBulkReport(action: action.rawValue, wanted: count, done: 0))
        }
        let reason = action.needsReason ? try call.required("reason") : call.value("reason") ?? ""
        guard let confirmed = call.number("confirm"), count <= confirmed else {
            throw BatchError(
                .usage, "not confirmed: \(action.rawValue) of \(count) jobs",
                hint: "call again with \"confirm\": \(count) when that is what you want")
        }
        return call.report(
            try queue.act(action, filter, confirmed: confirmed, reason: reason, within: .seconds(2)) { _ in })
    }

    private static func limit(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let kind: QueueOrder.Kind? = call.choice("kind")
        guard (kind == nil) != (call.value("job") == nil) else {
            throw BatchError(.usage, "give 'job' or 'kind'", hint: "one of them, and \"most\"")
        }
        let subject: QueueLimit.Subject
        if let kind { subject = .kind(kind) } else { subject = .job(try call.required("job")) }
        return call.report(try call.queue().limit(call.number("most"), of: subject))
    }

    private static func add(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let runAt = call.value("at") == nil ? call.context.now() : try call.time("at")
        let order = QueueOrder(
            job: try call.required("job"), tenant: call.tenant, assignments: call.assignments,
            priority: call.number("priority") ?? 0, runAt: runAt, uniqueKey: call.value("unique"),
            sequenceKey: call.value("sequence"),
            retry: RetryPolicy(
                attempts: call.number("attempts") ?? QueueOrder.retry.attempts,
                backoff: try call.span("backoff")?.wholeMilliseconds ?? QueueOrder.retry.backoff),
            timeout: try call.span("timeout"))
        return call.report(try call.queue().add(order))
    }
}

extension APICall {
    /// The job of the path, when it is for those whom the token is for.
    func ownJob() throws(BatchError) -> QueueJobReport {
        let number = Int64(try required("id")) ?? 0
        let report = try queue().show(number)
        if tenant == nil || report.entry.job.order.tenant == tenant { return report }
        throw BatchError(
            .unknownQueueJob, "the queue has no job \(number)", hint: "see what is in it: \(command: "queue list")")
    }
}

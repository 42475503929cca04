internal import BatchControl
internal import BatchCore
internal import BatchDocuments
internal import BatchEngine

/// `GET /jobs`: documents and jobs in the queue, as operators of such pipelines know them.
enum JobRoutes {
    static let all: [Route] = [
        Route(
            method: .get, path: "/jobs", name: "listJobs",
            summary: "Documents, then jobs in the queue; of both the latest first", access: .open,
            query: [
                Parameter(
                    "state", .choice(QueueState.allCases.map(\.rawValue) + DocumentCounts.states),
                    "only those in this state; documents have states in capitals"),
                Parameter.limit, Parameter("after", key, "only what comes after this one"),
            ],
            answer: .array, hasPlainErrors: true, perform: list),
        Route(
            method: .get, path: "/jobs/{key}", name: "getJob", summary: "One document or job in full", access: .open,
            places: [Parameter("key", key, "a document, or a job in the queue")],
            answer: .report(["jobKey", "state"]), hasPlainErrors: true, perform: show),
    ]

    private static let key = Parameter.Shape.text(pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$")

    /// As the pattern says.
    private static func isKey(_ text: String) -> Bool {
        let isWord = { (byte: UInt8) in
            (byte | 32) >= 0x61 && (byte | 32) <= 0x7a || byte >= 0x30 && byte <= 0x39 || byte == 0x5f
        }
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= 200 else { return false }
        return text.utf8.allSatisfy { isWord($0) || $0 == 0x2e || $0 == 0x2d }
    }

    private static func list(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let limit = call.number("limit") ?? 1_000
        let (state, after) = (call.value("state"), call.value("after"))
        if let after, !isKey(after) {
            throw BatchError(.usage, "'after' is not the key of a job", hint: "take the jobKey of the last job you got")
        }
        let queueState = state.flatMap(QueueState.init)
        let number = after.flatMap(Int64.init)
        var found: [JSONValue] = []
        if queueState == nil, number == nil, let documents = try documents(call) {
            found = try documents.jobs(state: state, after: after, limit: limit)
        }
        if state == nil || queueState != nil, found.count < limit {
            let filter = QueueFilter(
                states: queueState.map { [$0] } ?? [], tenant: call.tenant, before: number, limit: limit - found.count)
            let jobs = try call.context.store(of: call.workspace).queueJobs(filter)
            found += jobs.map { .object(members($0)) }
        }
        return .json(.array(found))
    }

    private static func show(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let store = try call.context.store(of: call.workspace)
        let key = try call.required("key")
        if let number = Int64(key), let job = try store.queueJob(number),
            call.tenant == nil || job.order.tenant == call.tenant
        {
            let more = try call.queue().show(job.number).json.members ?? []
            return .json(.object(members(job) + more.filter { !["state", "format_version"].contains($0.key) }))
        }
        if let document = try documents(call)?.job(key) { return .json(document) }
        throw BatchError(.unknownQueueJob, "there is no such job", hint: "see them: GET /jobs")
    }

    /// Documents belong to no tenant: whoever is for one alone sees none.
    private static func documents(_ call: APICall) throws(BatchError) -> Documents? {
        guard call.tenant == nil, call.caller.tenant == nil else { return nil }
        return try Documents.any(in: call.api.workspace, context: call.context)
    }

    /// A job of the queue has no files.
    private static func members(_ job: QueueJob) -> [JSONValue.Member] {
        [
            .init("jobKey", .string(String(job.number))), .init("state", .string(job.state.rawValue)),
            .init("stage", .string(job.order.job)), .init("attempt", JSONValue(job.attempts)),
            .init("attemptPrep", 0), .init("attemptOcr", 0), .init("inputName", nil), .init("outPdf", nil),
            .init("errorMessage", JSONValue(job.state == .done ? nil : job.reason)),
            .init("updatedAt", .string(job.stateAt.iso8601)),
        ]
    }
}

internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchEngine
internal import BatchHealing
internal import BatchSystem
internal import Synchronization

/// `GET /api/events`: what becomes of batches, jobs and incidents, as server-sent events. It begins with what happens from now on; who
/// was away looks at the lists first.
///
/// Unchecked: the library asks for the next bytes from the one thread of the connection.
final class EventStream: @unchecked Sendable {
    static let route = Route(
        method: .get, path: "/api/events", name: "events",
        summary: "Changes of batches, jobs and incidents from now on, as server-sent events: batch, job, incident",
        access: .role(.viewer),
        answer: .events,
        perform: { (call) throws(BatchError) in
            _ = try call.view()
            let stream = try EventStream(call)
            return HTTPResponse(status: 200, type: "text/event-stream", body: .stream { stream.next() })
        })

    private let call: APICall
    private var batches: [String: BatchStatus] = [:]
    /// What was told of jobs that changed lately.
    private var jobs: [Int64: (state: QueueState, at: Timestamp)] = [:]
    /// Those that were opened last; nil before the first look.
    private var incidents: [Int64: Incident.Status]?
    /// Batches that ended before it are not told.
    private let begin: Timestamp
    /// When it was looked last.
    private var lookedAt: Timestamp
    /// Where the look that is under way came to; nil between two.
    private var place: QueueChangePlace?
    private var hasBegun = false
    /// The files that change with what is told, and how they were at the last look: while nothing happens, four are
    /// asked for their times and none is opened.
    private var files: [String] = []
    private var seen: [FileStatus?] = []

    /// Milliseconds between two looks.
    private static let period: Int64 = 500
    /// A comment is sent so often at least, by which both sides see whether the other is there.
    private static let pulse: Int64 = 15_000
    static let pulseSeconds = UInt32(pulse / 1_000)

    /// - Throws: `ERR_PERF_BUSY` when half of the connections are streams.
    private init(_ call: APICall) throws(BatchError) {
        self.call = call
        begin = call.context.now()
        lookedAt = begin
        let count = call.api.streams.add(1, ordering: .relaxed).newValue
        guard count <= max(1, call.workspace.http.connections / 2) else {
            throw BatchError(.busy, "too many streams are open", hint: "close one, or raise http.connections")
        }
    }

    deinit { call.api.streams.subtract(1, ordering: .relaxed) }

    /// Waits for something to tell; nil when the service ends.
    private func next() -> [UInt8]? {
        if !hasBegun {
            hasBegun = true
            repeat { _ = events(isForced: true) } while place != nil
            return Array(": what happens from now on\n\n".utf8)
        }
        let end = SteadyClock.now() + EventStream.pulse
        var isFirst = true
        while !call.request.isEnding() {
            let events = events(isForced: isFirst || place != nil)
            isFirst = false
            if place != nil, events.isEmpty { continue }
            if !events.isEmpty { return Array(events.utf8) }
            if SteadyClock.now() >= end { return Array(": still here\n\n".utf8) }
            call.context.sleep(EventStream.period)
        }
        return nil
    }

    /// What cannot be read now is read at the next look.
    ///
    /// - Parameter isForced: now and then, since two writes within one tick of the clock of files look like one.
    private func events(isForced: Bool = false) -> String {
        let now = files.map { FileStatus($0) }
        if !isForced, !seen.isEmpty, now == seen { return "" }
        guard let events = try? batchEvents() + jobEvents() + incidentEvents() else {
            place = nil
            return ""
        }
        // As it was before: what came while we read is for the next look.
        seen = now
        return events
    }

    private func batchEvents() throws(BatchError) -> String {
        let session = try call.view()
        files = [session.path, call.api.workspace.backups + "/control.db"].flatMap { [$0, $0 + "-wal"] }
        let latest = try session.list(ListRequest(limit: 100)).batches
        let isFirst = batches.isEmpty
        var text = ""
        for batch in latest.reversed() {
            let name = batch.batch.description
            defer { batches[name] = batch.status }
            if batches[name] == batch.status || isFirst && batch.finishedAt ?? begin < begin { continue }
            text += EventStream.event("batch", .object(batch.members))
        }
        let known = Set(latest.map(\.batch.description))
        batches = batches.filter { known.contains($0.key) }
        return text
    }

    /// A page of them: the next one is asked for when this one was sent, however many change at once. Who changes a job may
    /// wait for its turn to write it, so the last seconds are looked at again.
    private func jobEvents() throws(BatchError) -> String {
        let now = call.context.now()
        // A clock that was set back begins anew.
        let from = Timestamp(milliseconds: min(lookedAt, now).milliseconds - EventStream.lookBack)
        if place == nil { jobs = jobs.filter { $0.value.at >= from } }
        let behind = place ?? QueueChangePlace(at: from, number: 0)
        let changed = try call.context.store(of: call.api.workspace).queueJobs(
            changedBehind: behind, limit: EventStream.page)
        if changed.count == EventStream.page, let end = changed.last {
            place = QueueChangePlace(at: end.stateAt, number: end.number)
        } else {
            place = nil
            lookedAt = now
        }
        return changed.map(jobEvent).joined()
    }

    private func jobEvent(_ job: QueueJob) -> String {
        let known = jobs[job.number]
        guard call.tenant == nil || job.order.tenant == call.tenant,
            known == nil || known?.state != job.state || known?.at != job.stateAt
        else { return "" }
        jobs[job.number] = (job.state, job.stateAt)
        return EventStream.event(
            "job",
            [
                "id": .integer(job.number), "job": .string(job.order.job), "tenant": JSONValue(job.order.tenant),
                "state": .string(job.state.rawValue), "batch": JSONValue(job.batch),
                "reason": JSONValue(job.reason), "at": .string(job.stateAt.iso8601),
            ])
    }

    private static let page = 1_000
    /// Milliseconds.
    private static let lookBack: Int64 = 2_000

    private func incidentEvents() throws(BatchError) -> String {
        let filter = IncidentFilter(tenant: call.tenant, limit: EventStream.incidents)
        let latest = try call.context.store(of: call.api.workspace).incidents(filter)
        let known = incidents
        incidents = Dictionary(latest.map { ($0.number, $0.status) }) { first, _ in first }
        guard let known else { return "" }
        return latest.reversed().filter { known[$0.number] != $0.status }.map { incident in
            EventStream.event(
                "incident",
                [
                    "id": .string(incident.name), "title": .string(incident.title),
                    "severity": .string(incident.severity.rawValue), "status": .string(incident.status.rawValue),
                    "tenant": JSONValue(incident.tenant), "module": JSONValue(incident.module),
                    "opened_at": .string(incident.openedAt.iso8601),
                ])
        }.joined()
    }

    /// Changes of older ones are in the list alone.
    private static let incidents = 50

    private static func event(_ name: String, _ value: JSONValue) -> String {
        "event: \(name)\ndata: \(JSONWriter.text(value))\n\n"
    }
}

internal import BatchCatalog
public import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import Synchronization

/// The spans of one command, one request or one job of the queue. When the outermost ends, they are written and sent, if
/// they are to be kept.
///
/// Nothing depends on them: a receiver that does not answer is left alone for a minute, and the file still has them.
public final class Trace: Sendable {
    private struct State {
        var open: [TraceSpan] = []
        var done: [TraceSpan] = []
        var isWanted = false
    }

    public let id: String
    private let settings: TraceSettings
    private let outlet: Outlet
    private let start: (wall: Int64, steady: ContinuousClock.Instant)
    private let newID: @Sendable () -> String
    private let state = Mutex(State())

    /// A batch may have as many checkpoints as it likes; a trace has no more spans than this.
    private static let mostSpans = 2_000
    static let fileName = "traces.jsonl"

    /// Nil where `batchmgr.yaml` has no `traces:`.
    convenience init?(_ workspace: Workspace, _ context: Context) {
        guard let settings = workspace.traces else { return nil }
        let file = LogFile(folder: workspace.backups + "/logs", name: Trace.fileName, settings: workspace.log)
        self.init(settings, Outlet(file, settings.address), context)
    }

    private init(_ settings: TraceSettings, _ outlet: Outlet, _ context: Context) {
        id = context.traceID
        self.settings = settings
        self.outlet = outlet
        start = (context.now().milliseconds * 1_000_000, ContinuousClock.now)
        newID = { [randomID = context.randomID] in String(randomID().prefix(16)) }
    }

    /// The trace of other work of the same process.
    func following(_ context: Context) -> Trace { Trace(settings, outlet, context) }

    /// Nanoseconds since 1970.
    private func time(_ moment: ContinuousClock.Instant = .now) -> Int64 {
        let (seconds, attoseconds) = (moment - start.steady).components
        return start.wall + seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// Begins a span within the one that is open.
    /// - Parameter id: 16 hexadecimal digits; nil for new ones.
    /// - Returns: its id.
    func begin(
        _ name: String, _ attributes: [JSONValue.Member] = [], id: String? = nil, kind: TraceSpan.Kind = .internal,
        since: ContinuousClock.Instant = .now, links: [TraceSpan.Link] = []
    ) -> String {
        let spanID = id ?? newID()
        state.withLock { state in
            var span = TraceSpan(traceID: self.id, spanID: spanID, name: name, begin: time(since))
            span.parentID = state.open.last?.spanID
            (span.kind, span.attributes, span.links) = (kind, attributes, links)
            state.open.append(span)
            // What belongs together is kept together.
            if links.contains(where: { settings.keeps($0.traceID) }) { state.isWanted = true }
        }
        return spanID
    }

    /// The innermost open span.
    fileprivate var openSpan: String? { state.withLock { $0.open.last?.spanID } }

    /// Ends a span, and those within it that nobody has ended.
    /// - Parameter keep: the whole trace is kept, whatever the share of ordinary ones.
    func end(_ spanID: String, _ attributes: [JSONValue.Member] = [], error: BatchError? = nil, keep: Bool = false) {
        let ended = state.withLock { state -> [TraceSpan] in
            // What somebody has asked to stop, or what waits, has not failed.
            let hasFailed = error.map { $0.code != .stopped && $0.cause != .waiting } ?? false
            if keep || hasFailed { state.isWanted = true }
            guard let place = state.open.lastIndex(where: { $0.spanID == spanID }) else { return [] }
            state.open[place].attributes += attributes
            if hasFailed { state.open[place].failure = error?.code }
            for var span in state.open[place...] where state.done.count < Trace.mostSpans {
                span.end = time()
                state.done.append(span)
            }
            state.open.removeSubrange(place...)
            guard state.open.isEmpty else { return [] }
            defer { (state.done, state.isWanted) = ([], false) }
            return state.isWanted || settings.keeps(id) ? state.done : []
        }
        outlet.write(ended)
    }

    /// The spans of restore points that follow their batches, which have ended.
    func notePoints(_ batches: [(traceID: String, batch: BatchID)], since begin: ContinuousClock.Instant) {
        outlet.write(
            batches.filter { settings.keeps($0.traceID) }.map { traceID, batch in
                var span = TraceSpan(traceID: traceID, spanID: newID(), name: "restore point", begin: time(begin))
                span.parentID = TraceSpan.id(of: batch, in: traceID)
                span.end = time()
                span.attributes = [
                    .init("batchmgr.batch", .string("\(batch)")), .init("batchmgr.points", JSONValue(batches.count)),
                ]
                return span
            })
    }

    /// The span of a batch whose process was killed; as any failure, it is kept.
    /// - Parameters:
    ///   - begun: when the process began with it.
    ///   - seen: when it last committed something; nil: never.
    func noteInterrupted(_ batch: BatchRecord, begun: String, seen: String?) {
        func nanoseconds(_ text: String?) -> Int64? {
            text.flatMap(Timestamp.init(iso8601:)).map { $0.milliseconds * 1_000_000 }
        }
        var span = TraceSpan(
            traceID: batch.traceID, spanID: TraceSpan.id(of: batch.batch, in: batch.traceID),
            name: "run \(batch.batch.job)", begin: nanoseconds(begun) ?? time())
        span.end = nanoseconds(seen) ?? span.begin
        span.attributes =
            [
                .init("batchmgr.batch", .string("\(batch.batch)")), .init("batchmgr.job", .string(batch.batch.job)),
            ] + (batch.tenant.map { [.init("batchmgr.tenant", .string($0))] } ?? [])
        span.failure = .stopped
        outlet.write([span])
    }

    /// Where the spans of a process go to.
    private final class Outlet: Sendable {
        private let file: LogFile
        private let address: String?
        /// Not before this time, by the clock that nobody sets.
        private let notBefore = Mutex<Int64>(0)

        /// Milliseconds.
        private static let timeout: Int64 = 2_000
        private static let pause: Int64 = 60_000

        init(_ file: LogFile, _ address: String?) {
            self.file = file
            self.address = address
        }

        func write(_ spans: [TraceSpan]) {
            guard !spans.isEmpty else { return }
            let document = JSONWriter.text(
                TraceSpan.document(
                    spans,
                    from: [
                        .init("service.name", "batchmgr"), .init("service.version", .string(VersionReport.version)),
                        .init("process.pid", .integer(Int64(Environment.processID))),
                    ]))
            file.append(document)
            guard let address, notBefore.withLock({ $0 <= SteadyClock.now() }) else { return }
            if (try? Webhook(address: address, timeout: Outlet.timeout).post(document)) == nil {
                notBefore.withLock { $0 = SteadyClock.now() + Outlet.pause }
            }
        }
    }
}

extension Context {
    /// What is done now, for work that goes on elsewhere.
    public var traceOrigin: TraceOrigin { TraceOrigin(traceID: traceID, spanID: log.trace?.openSpan) }

    /// Does a piece of work as a span of the trace, where there is one.
    /// - Parameters:
    ///   - since: when it began, if that was before now.
    ///   - keep: its trace is kept, whatever the share of ordinary ones.
    ///   - ending: attributes of what came out.
    public func traced<Result>(
        _ name: String, _ attributes: @autoclosure () -> [JSONValue.Member] = [], id: String? = nil,
        kind: TraceSpan.Kind = .internal, since: ContinuousClock.Instant = .now, links: [TraceSpan.Link] = [],
        keep: Bool = false, ending: (Result) -> [JSONValue.Member] = { _ in [] },
        _ body: () throws(BatchError) -> Result
    ) throws(BatchError) -> Result {
        guard let trace = log.trace else { return try body() }
        let span = trace.begin(name, attributes(), id: id, kind: kind, since: since, links: links)
        do throws(BatchError) {
            let result = try body()
            trace.end(span, ending(result), keep: keep)
            return result
        } catch {
            trace.end(span, error: error, keep: keep)
            throw error
        }
    }
}

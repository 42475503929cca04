internal import BatchCore
internal import BatchEngine
internal import BatchSystem

/// `ocr.prep`, `ocr.recognise`, `ocr.publish`: each document goes through its stages on its own, and so many are in flight
/// at a time. The first of these steps does the work of all three; the others find what a stop or a reviewer has left.
final class DocumentFlow {
    /// What a worker does.
    private enum Work {
        case prepare(DocumentRecord)
        /// The files of its pages are gone, since it was published or taken back: they are made again.
        case remake(DocumentRecord)
        case read(DocumentRecord, DocumentStore.Page)
        case publish(DocumentRecord)

        var document: DocumentRecord {
            switch self {
            case .prepare(let document), .remake(let document), .read(let document, _), .publish(let document): document
            }
        }

        var isReading: Bool {
            if case .read = self { true } else { false }
        }
    }

    /// A document in flight.
    private struct DocumentInWork {
        var document: DocumentRecord
        /// Pages that nobody reads yet.
        var todo: [DocumentStore.Page]
        /// Its pages are being read, or it is being published.
        var isBegun = false
        /// Files of its pages are gone, and have to be made again before anybody reads or publishes it.
        var lacksPages = false
    }

    private let stage: Stage
    private let prep: PrepStage
    private let recognise: RecogniseStage
    private let publish: PublishStage
    private let health: EngineHealth
    /// Not in flight yet, in the order in which they came.
    private var waiting: [DocumentRecord]
    private var flights: [DocumentInWork] = []
    private var works: [Int: Work] = [:]
    /// Those of them that are answered, and not written down yet.
    private var answered: Set<Int> = []
    private var next = 0
    private var (pagesDone, pagesKnown) = (0, 0)
    /// Pages at a time.
    private var mostPages: Int

    init(_ stage: Stage) throws(BatchError) {
        self.stage = stage
        (prep, recognise, publish) = (PrepStage(stage), RecogniseStage(stage), PublishStage(stage))
        health = EngineHealth(stage.step.session)
        mostPages = health.concurrency(stage.settings.ocrConcurrency)
        waiting = try stage.open()
    }

    /// - Returns: false when there was nothing to do.
    func run() throws(BatchError) -> Bool {
        guard !waiting.isEmpty else { return false }
        try stage.step.stopIfAsked()
        let pool = stage.pool(workers)
        try pool.carryOut(
            take: take, stop: stage.step.stop, begun: begun, ended: { [self] in answered.insert($0) }, left: left,
            tick: { [self] active in
                let busy = active.compactMap { works[$0] }
                stage.beat("prep", busy.filter { !$0.isReading }.map(\.document.key))
                stage.beat("ocr", busy.map(\.document.key))
                readSettings(pool)
            }, done: done)
        try stage.step.stopIfAsked()
        return true
    }

    private var workers: Int { max(stage.settings.prepConcurrency, stage.settings.ocrConcurrency) }

    /// A batch may take an hour: what is set meanwhile counts in it, and an engine that is quiet again gets all its pages back.
    private func readSettings(_ pool: WorkerPool) {
        // What cannot be meant is told by the next batch.
        try? stage.readSettings()
        mostPages = health.concurrency(stage.settings.ocrConcurrency)
        pool.limit(stage.limits(workers))
    }

    // MARK: What is next

    private func take() throws(BatchError) -> (id: Int, request: JSONValue)? {
        try admit()
        guard
            let work = try nextPublication() ?? nextPage(mayWaitForMore: true) ?? nextPreparation() ?? nextPage()
                ?? nextPage(again: true) ?? nextPreparation(again: true)
        else {
            return nil
        }
        next += 1
        works[next] = work
        return (next, try request(for: work))
    }

    private func admit() throws(BatchError) {
        while flights.count < stage.settings.inFlight, !waiting.isEmpty {
            let document = waiting.removeFirst()
            if document.state.isBeforePages {
                if try prep.mayGoOn(document) { flights.append(DocumentInWork(document: document, todo: [])) }
            } else if let todo = try recognise.pages(of: document) {
                flights.append(
                    DocumentInWork(document: document, todo: todo, lacksPages: try publish.lacksPages(document)))
                pagesKnown += todo.count
            }
        }
    }

    /// Pages that are read at this moment.
    private var readers: Int { works.count { $0.value.isReading && !answered.contains($0.key) } }

    /// Documents that are prepared or published, until that is written down: their states say so.
    private var helpers: Int { works.values.count { !$0.isReading } }

    private func isBusy(_ document: DocumentRecord) -> Bool {
        works.values.contains { $0.document.key == document.key }
    }

    /// Documents all of whose pages are read; one that a reviewer has to see first leaves the flight.
    private func nextPublication() throws(BatchError) -> Work? {
        for flight in flights
        where !flight.document.state.isBeforePages && flight.todo.isEmpty && !isBusy(flight.document) {
            guard helpers < stage.settings.prepConcurrency else { return nil }
            if try ReviewGate(stage).holds(flight.document) {
                land(flight.document.key)
                continue
            }
            if flight.lacksPages { return .remake(flight.document) }
            return .publish(flight.document)
        }
        try admit()
        return nil
    }

    /// What has failed once may hang once more: everything that nobody has tried goes first, and what is being prepared or
    /// written down may lead to more of it.
    private var mayTryAgain: Bool { helpers == 0 && answered.isEmpty }

    /// - Parameters:
    ///   - mayWaitForMore: nothing while there are too few pages for all who can read: others are prepared first.
    ///   - again: a page that was tried before.
    private func nextPage(mayWaitForMore: Bool = false, again: Bool = false) -> Work? {
        guard readers < mostPages, !again || mayTryAgain else { return nil }
        if mayWaitForMore, flights.reduce(0, { $0 + $1.todo.count }) < mostPages { return nil }
        let begun = flights.count(where: \.isBegun)
        let index = flights.firstIndex { flight in
            guard let page = flight.todo.first, again || page.attempts == 0, !flight.lacksPages else { return false }
            return flight.isBegun || begun < stage.settings.ocrConcurrency
        }
        guard let index else { return nil }
        return .read(flights[index].document, flights[index].todo.removeFirst())
    }

    private func nextPreparation(again: Bool = false) -> Work? {
        guard helpers < stage.settings.prepConcurrency, !again || mayTryAgain else { return nil }
        let next = flights.first {
            ($0.document.state.isBeforePages || $0.lacksPages && !$0.todo.isEmpty) && !isBusy($0.document)
                && (again || $0.document.attemptsPrep == 0 || !$0.document.state.isBeforePages)
        }
        return next.map { $0.lacksPages ? .remake($0.document) : .prepare($0.document) }
    }

    private func request(for work: Work) throws(BatchError) -> JSONValue {
        switch work {
        case .prepare(let document), .remake(let document): return try stage.preparation(of: document)
        case .read(let document, let page):
            change(document.key) { flight in
                flight.isBegun = true
                flight.document.state = .ocrRunning
                flight.document.attemptsOCR = max(flight.document.attemptsOCR, page.attempts + 1)
            }
            return try recognise.request(for: document, page)
        case .publish(let document): return try publish.request(for: document)
        }
    }

    private func begun(_ id: Int) throws(BatchError) {
        switch works[id] {
        case .prepare(let document): try prep.begin(document)
        case .read(let document, let page): try recognise.begin(document, page)
        case .remake, .publish, nil: break
        }
    }

    // MARK: What has come of it

    private func done(_ id: Int, _ result: Result<JSONValue, DocumentError>) throws(BatchError) {
        answered.remove(id)
        guard let work = works.removeValue(forKey: id),
            flights.contains(where: { $0.document.key == work.document.key })
        else { return }
        switch work {
        case .prepare(let document):
            try prep.finish(document, result)
            try look(at: document.key)
        case .remake(let document):
            if case .failure(let error) = result {
                try stage.fail(document, error)
                land(document.key)
            } else {
                change(document.key) { $0.lacksPages = false }
            }
        case .read(let document, let page): try read(document, page, result)
        case .publish(let document):
            try publish.finish(document, result)
            land(document.key)
        }
        stage.step.progress(pagesDone, of: pagesKnown + waiting.count)
    }

    /// It has pages now, is to be tried again, or has failed.
    private func look(at key: String) throws(BatchError) {
        guard let document = try stage.store.document(key), !document.state.isEnd else { return land(key) }
        if document.state.isBeforePages {
            guard try prep.mayGoOn(document) else { return land(key) }
            return change(key) { $0.document = document }
        }
        guard let todo = try recognise.pages(of: document) else { return land(key) }
        pagesKnown += todo.count
        change(key) { flight in
            flight.document = document
            flight.todo = todo
        }
    }

    private func read(
        _ document: DocumentRecord, _ page: DocumentStore.Page, _ result: Result<JSONValue, DocumentError>
    ) throws(BatchError) {
        switch try recognise.finish(document, page, result) {
        case .failed: return land(document.key)
        case .read: pagesDone += 1
        case .again: break
        }
        guard case .failure = result else { return }
        mostPages = health.concurrency(stage.settings.ocrConcurrency)
        let again = try stage.store.pages(of: document.key).filter { $0.id == page.id && $0.state == "todo" }
        guard !again.isEmpty else { return }
        change(document.key) { $0.todo += again }
        try giveWay(document.key)
    }

    /// A document of which only pages are left that have failed before is not in work any more, until they are tried again:
    /// others may use its place.
    private func giveWay(_ key: String) throws(BatchError) {
        guard let flight = flights.first(where: { $0.document.key == key }), !isBusy(flight.document),
            flight.todo.allSatisfy({ $0.attempts > 0 })
        else { return }
        try stage.step.checkpoint { () throws(BatchError) in try stage.set(key, .ocrRetry) }
        change(key) { flight in
            flight.isBegun = false
            flight.document.state = .ocrRetry
        }
    }

    private func left(_ id: Int) throws(BatchError) {
        switch works.removeValue(forKey: id) {
        case .prepare(let document): try prep.giveBack(document)
        case .read(let document, let page): try recognise.giveBack(document, page)
        case .remake, .publish, nil: break
        }
    }

    private func change(_ key: String, _ body: (inout DocumentInWork) -> Void) {
        if let index = flights.firstIndex(where: { $0.document.key == key }) { body(&flights[index]) }
    }

    private func land(_ key: String) { flights.removeAll { $0.document.key == key } }
}

internal import BatchCore
internal import BatchSystem
internal import Synchronization

/// Child processes that do the work on strangers' files: so many at once, each with a time and a size.
final class WorkerPool {
    struct Limits: Sendable {
        var workers: Int
        /// Milliseconds for one request.
        var deadline: Int64 = 120_000
        /// Bytes of memory.
        var memory: Int64 = 2 << 30
    }

    private final class Worker {
        let process: LineProcess
        var task: Int?
        var begun: Int64 = 0
        /// Answers that nobody waits for.
        var owed: Int

        init(_ process: LineProcess, owed: Int) {
            self.process = process
            self.owed = owed
        }
    }

    private var limits: Limits
    private let program: CommandLineProgram
    private let clock: MonotonicClock
    private let spare: SpareWorkers?
    private let folder: String
    private var workers: [Worker] = []

    /// - Parameter spare: workers that were started for these documents before.
    init(_ limits: Limits, folder: String, clock: MonotonicClock, spare: SpareWorkers? = nil) {
        self.limits = limits
        self.clock = clock
        self.spare = spare
        self.folder = folder
        // Threads of the engine cost more than they bring, and its library reads this when it is loaded.
        var environment = ["OMP_THREAD_LIMIT": "1"]
        if let models = Environment.value("TESSDATA_PREFIX") { environment["TESSDATA_PREFIX"] = models }
        program = CommandLineProgram(
            arguments: [OwnProgram.path, OCRWorker.word], environment: environment, folder: folder)
    }

    deinit { for worker in workers { worker.process.end() } }

    /// Carries requests out, in any order, until there is none left to take and all are done.
    /// - Parameters:
    ///   - take: asked whenever a worker is free; nil when nothing can be begun now.
    ///   - begun: called when a worker has what was taken.
    ///   - ended: called when an answer is there. Workers get what is next before anybody looks at it with `done`: writing it
    ///     down takes as long as some pages take.
    ///   - stop: asked often; true leaves undone what is not done.
    ///   - left: called with each that was begun when the work was stopped.
    ///   - tick: called every few seconds with those that are worked on.
    ///   - done: called with each answer.
    func carryOut(
        take: () throws(BatchError) -> (id: Int, request: JSONValue)?, stop: () -> Bool,
        begun: (Int) throws(BatchError) -> Void = { _ in }, ended: (Int) -> Void = { _ in },
        left: (Int) throws(BatchError) -> Void = { _ in }, tick: ([Int]) -> Void = { _ in },
        done: (Int, Result<JSONValue, DocumentError>) throws(BatchError) -> Void
    ) throws(BatchError) {
        var (looked, beaten) = (clock.now(), Int64.min / 2)
        var answers: [(task: Int, result: Result<JSONValue, DocumentError>)] = []
        func fill() throws(BatchError) {
            // A worker is started only when there is something for it.
            while mayBegin, let order = try take(), let worker = try idle() {
                worker.task = order.id
                worker.begun = clock.now()
                try? worker.process.send(JSONWriter.text(order.request))
                try begun(order.id)
            }
        }
        while true {
            if stop() {
                for task in abandon() { try left(task) }
                return
            }
            try fill()
            guard workers.contains(where: { $0.task != nil }) else { return }
            LineProcess.wait(for: workers.map(\.process), milliseconds: 50)
            for worker in workers {
                guard let task = worker.task, let result = answer(of: worker) else { continue }
                worker.task = nil
                ended(task)
                answers.append((task, result))
            }
            if !answers.isEmpty, !stop() { try fill() }
            for answer in answers { try done(answer.task, answer.result) }
            answers = []
            guard clock.now() - looked >= 100 else { continue }
            looked = clock.now()
            if looked - beaten >= 2_000 {
                beaten = looked
                tick(workers.compactMap(\.task))
            }
            for (worker, fault) in workers.compactMap({ worker in excess(of: worker).map { (worker, $0) } }) {
                guard let task = worker.task else { continue }
                remove(worker)
                try done(task, .failure(DocumentError(fault)))
            }
        }
    }

    /// One request alone.
    func answer(to request: JSONValue) throws(BatchError) -> Result<JSONValue, DocumentError> {
        var answer = Result<JSONValue, DocumentError>.failure(DocumentError(.crashed))
        var isTaken = false
        try carryOut(
            take: {
                defer { isTaken = true }
                return isTaken ? nil : (0, request)
            }, stop: { false }, done: { (_, result) in answer = result })
        return answer
    }

    private var mayBegin: Bool { workers.count { $0.task != nil } < limits.workers }

    /// Other limits from now on; what is begun goes on.
    func limit(_ limits: Limits) {
        self.limits = limits
        while workers.count > limits.workers, let idle = workers.first(where: { $0.task == nil }) { remove(idle) }
    }

    private func idle() throws(BatchError) -> Worker? {
        if let free = workers.first(where: { $0.task == nil }) { return free }
        guard workers.count < limits.workers else { return nil }
        return try start()
    }

    private func start() throws(BatchError) -> Worker {
        let waiting = spare?.take(in: folder)
        let process = if let waiting { waiting.process } else { try LineProcess(program) }
        let worker = Worker(process, owed: waiting?.owed ?? 0)
        workers.append(worker)
        return worker
    }

    /// Starts so many workers that load what they need while others prepare their work, and leaves them as spare.
    /// - Parameter request: what they are asked; nobody looks at the answer.
    func warm(_ count: Int, _ request: JSONValue) throws(BatchError) {
        while workers.count < count { _ = try start() }
        for worker in workers where worker.task == nil {
            guard (try? worker.process.send(JSONWriter.text(request))) != nil else { continue }
            worker.owed += 1
        }
        keep()
    }

    /// Leaves workers that have nothing to do as spare.
    func keep() {
        guard let spare else { return }
        for worker in workers where worker.task == nil {
            spare.keep(SpareWorkers.Worker(process: worker.process, owed: worker.owed, folder: folder))
        }
        workers.removeAll { $0.task == nil }
    }

    /// Nil while it works.
    private func answer(of worker: Worker) -> Result<JSONValue, DocumentError>? {
        let lines = worker.process.lines()
        let answers = lines.dropFirst(worker.owed)
        worker.owed -= lines.count - answers.count
        if let line = answers.last {
            guard let json = try? JSONParser.parse(line) else { return .failure(DocumentError(.crashed)) }
            return DocumentError(json).map { .failure($0) } ?? .success(json)
        }
        guard worker.process.hasClosed else { return nil }
        remove(worker)
        return .failure(DocumentError(.crashed, worker.process.lastWords))
    }

    /// What it has too much of.
    private func excess(of worker: Worker) -> DocumentFault? {
        guard worker.task != nil else { return nil }
        if clock.now() - worker.begun > limits.deadline { return .timeout }
        return worker.process.residentSize > limits.memory ? .memory : nil
    }

    private func remove(_ worker: Worker) {
        worker.process.end()
        workers.removeAll { $0 === worker }
    }

    /// - Returns: the requests that they worked on.
    private func abandon() -> [Int] {
        let busy = workers.filter { $0.task != nil }
        for worker in busy { remove(worker) }
        return busy.compactMap(\.task)
    }
}

/// Workers that were started while documents were still being taken in: an engine that is loaded meanwhile delays no page.
final class SpareWorkers: Sendable {
    struct Worker {
        let process: LineProcess
        /// Answers that nobody waits for.
        let owed: Int
        /// The data folder that it works for.
        let folder: String
    }

    private let workers = Mutex<[Worker]>([])

    deinit { end() }

    func keep(_ worker: Worker) { workers.withLock { $0.append(worker) } }

    /// Nil when there is none.
    func take(in folder: String) -> Worker? {
        workers.withLock { workers in
            workers.firstIndex { $0.folder == folder }.map { workers.remove(at: $0) }
        }
    }

    /// Ends those that nobody has taken.
    func end() {
        let left = workers.withLock { workers in
            defer { workers = [] }
            return workers
        }
        for worker in left { worker.process.end() }
    }
}

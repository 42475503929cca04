internal import BatchCore
internal import BatchSystem

/// The child processes of a service.
struct WorkerGroup {
    private struct Place {
        var process: SupervisedProcess?
        /// Not before this time, by the clock that nobody sets.
        var startAt: Int64 = 0
        var failures = 0
        /// Somebody wished that its worker begins anew: its end is none that has to be told.
        var isRestarting = false

        mutating func look(at now: Int64) -> String? {
            guard let process, let ending = process.ending else { return nil }
            let lived = now - startAt
            self.process = nil
            // Who ends in good order has said why.
            if isRestarting || ending == .exited(0) {
                isRestarting = false
                startAt = now
                return nil
            }
            if lived >= WorkerGroup.healthy { failures = 0 }
            delay(now)
            let how =
                switch ending {
                case .exited(let code): "ended with exit code \(code)"
                case .signalled(let signal): "was ended by signal \(signal)"
                }
            return "worker \(process.id) \(how); another one takes its place"
        }

        mutating func delay(_ now: Int64) {
            let pause = WorkerGroup.pause << Int64(min(failures, 10))
            failures += 1
            startAt = now + min(pause, WorkerGroup.longestPause)
        }
    }

    /// Bytes that a worker may hold.
    private let memory: Int64
    /// Who holds more is not waited for.
    private var farAbove: Int64 { max(2 * memory, memory + 256 << 20) }

    /// Ends workers that hold so much that their next job cannot be waited for.
    mutating func endTooLarge() -> [(process: Int64, reason: String)] {
        places.compactMap { place in
            guard let process = place.process, process.ending == nil,
                let size = HostFigures.residentMemory(of: Int64(process.id)), size > farAbove
            else { return nil }
            process.end()
            return (Int64(process.id), "was ended: \(QueueWorker.tooLarge(size, memory))")
        }
    }

    /// Places whose workers are still to begin anew, the next one first.
    private var restarting: [Int] = []
    private var isAsked = false

    var isRestarting: Bool { !restarting.isEmpty }

    mutating func beginRestart() {
        restarting = Array(places.indices)
        isAsked = false
    }

    /// Asks the next worker to end at its next checkpoint.
    /// - Returns: the worker that has taken the place of one and has worked for a moment; nil while there is none.
    mutating func goOnRestarting() -> Int64? {
        guard let index = restarting.first else { return nil }
        guard isAsked else {
            isAsked = true
            places[index].isRestarting = places[index].process != nil
            places[index].process?.askToEnd()
            return nil
        }
        let place = places[index]
        guard !place.isRestarting, let process = place.process, process.ending == nil,
            clock.now() - place.startAt >= WorkerGroup.moment
        else { return nil }
        restarting.removeFirst()
        isAsked = false
        return Int64(process.id)
    }

    /// Milliseconds after which a worker counts as one that works.
    private static let moment: Int64 = 1_000

    private let arguments: [String]
    private let clock: MonotonicClock
    private var places: [Place]
    private(set) var crashes = 0

    /// Milliseconds before one is started again that ended at once; doubles each time.
    private static let pause: Int64 = 500
    private static let longestPause: Int64 = 60_000
    /// Who lived so long did not end at once.
    private static let healthy: Int64 = 10_000

    /// - Parameter memory: MiB that a worker may hold.
    init(_ arguments: [String], count: Int, memory: Int, clock: MonotonicClock) {
        self.arguments = arguments
        self.memory = Int64(memory) << 20
        self.clock = clock
        places = Array(repeating: Place(), count: count)
    }

    var areRunning: Bool { places.contains { $0.process.map { $0.ending == nil } ?? false } }

    /// Starts what is not there.
    /// - Returns: what there is to tell of those that have ended.
    mutating func keep() -> [String] {
        let now = clock.now()
        var news: [String] = []
        for index in places.indices {
            if let told = places[index].look(at: now) {
                crashes += 1
                news.append(told)
            }
            guard places[index].process == nil, places[index].startAt <= now else { continue }
            do throws(BatchError) {
                places[index].process = try SupervisedProcess([OwnProgram.path] + arguments)
                places[index].startAt = now
            } catch {
                news.append(error.message)
                places[index].delay(now)
            }
        }
        return news
    }

    func askToEnd() { for place in places { place.process?.askToEnd() } }

    func end() { for place in places { place.process?.end() } }
}

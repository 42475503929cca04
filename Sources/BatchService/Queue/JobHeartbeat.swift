internal import BatchControl
internal import BatchCore
internal import BatchEngine
internal import Dispatch
internal import Synchronization

/// Says from time to time that the worker of a job is still there. There is one for all jobs of a worker: a timer for each would
/// wake a thread for each.
final class WorkerPulse: Sendable {
    /// Milliseconds between two beats.
    private static let period = 2_000

    private let current = Mutex<JobHeartbeat?>(nil)
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    init(store: @escaping @Sendable () throws(BatchError) -> any QueueStore) {
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "batchmgr.queue"))
        timer.schedule(
            deadline: .now() + .milliseconds(WorkerPulse.period), repeating: .milliseconds(WorkerPulse.period))
        timer.setEventHandler { [weak self] in
            guard let job = self?.current.withLock({ $0 }) else { return }
            // What is locked now is asked again at the next beat.
            if let store = try? store() { job.beat(store) }
        }
        timer.resume()
    }

    deinit { timer.cancel() }

    /// - Parameter job: nil for none.
    func follow(_ job: JobHeartbeat?) { current.withLock { $0 = job } }
}

/// A job that is being worked on, and whether its worker should stop.
final class JobHeartbeat: Sendable {
    private struct State {
        var isOurs = true
        var isStopWished = false
    }

    private let job: QueueJob
    private let state = Mutex(State())
    private let deadline: Timestamp?
    private let now: @Sendable () -> Timestamp

    init(_ job: QueueJob, context: Context) {
        self.job = job
        now = context.now
        deadline = job.order.timeout.map { timeout in
            Timestamp(milliseconds: context.now().milliseconds + timeout.wholeMilliseconds)
        }
    }

    func beat(_ store: any QueueStore) {
        guard let beat = try? store.beat(job, at: now()) else { return }
        state.withLock { $0 = State(isOurs: beat.isOurs, isStopWished: beat.isStopWished) }
    }

    var isCancelled: Bool { state.withLock { $0.isStopWished } }
    var isOverdue: Bool { deadline.map { $0 <= now() } ?? false }

    /// A job that somebody else has now is let go of at once; the rest ends at a checkpoint.
    var stopWish: Context.StopWish {
        let (isOurs, isStopWished) = state.withLock { ($0.isOurs, $0.isStopWished) }
        if !isOurs { return .now }
        return isStopWished || isOverdue ? .atCheckpoint : .goOn
    }
}

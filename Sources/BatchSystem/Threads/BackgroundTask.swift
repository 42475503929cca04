public import BatchCore
internal import Synchronization

/// One piece of work on a thread of its own, beside what the caller does.
///
/// Where no thread can be had it is done by the caller, at once.
public final class BackgroundTask<Value: Sendable>: Sendable {
    private let outcome: Outcome
    /// Nil for work that is done already.
    private let thread: Thread?

    private final class Outcome: Sendable {
        let result = Mutex<Result<Value, BatchError>?>(nil)
    }

    /// The work does not own the thread that it is done on.
    private final class Thread: @unchecked Sendable {
        let work = WorkThread(mostWaiting: 1)
        let lock = Mutex(())

        func wait() { lock.withLock { _ in work.wait() } }
    }

    public init(_ body: @escaping @Sendable () throws(BatchError) -> Value) {
        let outcome = Outcome()
        self.outcome = outcome
        let thread = Thread()
        self.thread = thread
        thread.work.add {
            let result = Result { () throws(BatchError) in try body() }
            outcome.result.withLock { $0 = result }
        }
    }

    fileprivate init(done value: Value) {
        outcome = Outcome()
        outcome.result.withLock { $0 = .success(value) }
        thread = nil
    }

    /// Waits for the work.
    public func value() throws(BatchError) -> Value {
        thread?.wait()
        guard let result = outcome.result.withLock({ $0 }) else {
            // After fork() the thread is not here.
            throw BatchError(
                .internalFault, "work that had begun before a fork was not done",
                hint: "try again, then: \(command: "doctor")")
        }
        return try result.get()
    }

    /// Waits for the work, whatever becomes of it.
    public func wait() { thread?.wait() }

    deinit { thread?.wait() }
}

extension BackgroundTask where Value == Void {
    /// Work that is done already.
    public convenience init() { self.init(done: ()) }

    /// Begins to make a file durable while it is written on. It only saves time: whoever publishes the file waits for its
    /// bytes again.
    public static func syncing(_ path: String) -> BackgroundTask<Void> {
        BackgroundTask { () throws(BatchError) in try DurableFile.sync(path) }
    }
}

/// Work that waits for the disk, side by side: a file system makes files durable together in the time of one.
public enum Concurrently {
    private static let mostThreads = 8

    /// Returns when all items are done; throws the first failure.
    public static func forEach<Item: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) throws(BatchError) -> Void
    ) throws(BatchError) {
        if items.count < 2 {
            for item in items { try body(item) }
            return
        }
        let count = min(items.count, mostThreads)
        let tasks = (0..<count).map { first in
            BackgroundTask<Void> { () throws(BatchError) in
                for index in stride(from: first, to: items.count, by: count) { try body(items[index]) }
            }
        }
        var failure: BatchError?
        for task in tasks {
            do throws(BatchError) { try task.value() } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }
}

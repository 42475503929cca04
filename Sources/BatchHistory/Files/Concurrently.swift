internal import BatchCore
internal import Dispatch
internal import Synchronization

/// Work that waits for the disk, side by side: a file system makes files durable together in the time of one.
enum Concurrently {
    /// Returns when all items are done; throws the first failure.
    static func forEach<Item: Sendable>(
        _ items: [Item], _ body: @Sendable (Item) throws(BatchError) -> Void
    ) throws(BatchError) {
        let failure = Mutex<BatchError?>(nil)
        DispatchQueue.concurrentPerform(iterations: items.count) { index in
            do throws(BatchError) {
                try body(items[index])
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

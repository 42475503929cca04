public import BatchCore
internal import Dispatch
internal import Synchronization

/// A finished file that gets its name and becomes durable beside what the caller does.
public final class PendingFile: Sendable {
    private let published = DispatchGroup()
    private let failure = Mutex<BatchError?>(nil)

    /// For a file that is durable already.
    public init() {}

    init(_ temporary: String, as path: String) {
        DispatchQueue.global().async(group: published) {
            do throws(BatchError) {
                try Folder.publish(temporary, as: path)
            } catch {
                Folder.remove(temporary)
                self.failure.withLock { $0 = error }
            }
        }
    }

    /// Waits until the file is there under its name, and durable.
    public func settle() throws(BatchError) {
        published.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

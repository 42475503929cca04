internal import BatchCore
internal import Dispatch
internal import Synchronization

/// Tells whether files are, byte for byte, those that were written: by their hashes, computed beside other work.
final class FileWitness: Sendable {
    private let group = DispatchGroup()
    private let isDoubtful = Mutex(false)

    /// - Parameter recorded: the hash of each path; nil where none is on record.
    init(_ files: [(path: String, recorded: FileHash?)]) {
        for (path, recorded) in files {
            guard let recorded else {
                isDoubtful.withLock { $0 = true }
                continue
            }
            DispatchQueue.global().async(group: group) {
                if (try? recorded.holds(for: path)) != true { self.isDoubtful.withLock { $0 = true } }
            }
        }
    }

    /// Waits for the answer.
    var agrees: Bool {
        group.wait()
        return isDoubtful.withLock { !$0 }
    }
}

internal import BatchCore
internal import Dispatch

/// A file that is on its way to the disk while other work goes on.
///
/// It only saves time: whoever publishes the file waits for its bytes again.
final class BackgroundSync {
    private let group = DispatchGroup()

    init(_ path: String) {
        DispatchQueue.global().async(group: group) { try? Folder.syncFile(path) }
    }

    func wait() { group.wait() }

    deinit { group.wait() }
}

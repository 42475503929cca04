internal import Glibc

/// Hears from the kernel that files have come into a folder. Where it cannot hear, it says so, and one has to look now and
/// then: a full table of watches, a file system of another machine.
///
/// Unchecked: one thread at a time uses it.
public final class FolderWatch: @unchecked Sendable {
    private let descriptor: Int32

    /// - Returns: nil when nothing can be heard.
    public init?(_ folder: String) {
        let number = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard number >= 0 else { return nil }
        descriptor = number
        let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB)
        guard inotify_add_watch(number, folder, events) >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Whether something has come since it was asked last. Never waits.
    public var hasHeard: Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var isAny = false
        while read(descriptor, &buffer, buffer.count) > 0 { isAny = true }
        return isAny
    }
}

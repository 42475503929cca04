internal import Glibc

/// A lock file of git whose process was killed: git leaves it to people to remove those.
///
/// A reference is locked for milliseconds, while one small file is written. One of ours cannot be held by anybody else who
/// lives: the caller has the lease of the database.
struct StaleLock {
    private static let patience: useconds_t = 100_000
    private static let attempts = 20

    private let path: String

    init(_ path: String) { self.path = path }

    /// Waits until the lock is gone. One that is the same all the time is removed.
    /// - Returns: false when it changed hands all the time.
    func remove() -> Bool {
        guard let first = identity() else { return true }
        for _ in 0..<StaleLock.attempts {
            usleep(StaleLock.patience)
            guard let now = identity() else { return true }
            if now != first { return false }
        }
        return unlink(path) == 0 || errno == ENOENT
    }

    /// Inode and size; nil when there is no lock.
    private func identity() -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_ino), UInt64(status.st_size)]
    }
}

internal import Glibc

/// The lock file of one reference. A process that is killed while it moves the reference leaves it behind.
struct ReferenceLock {
    private let path: String
    /// A reference is moved within milliseconds: a lock that stays so long has no owner.
    private static let patience: UInt32 = 1_000_000

    init(_ reference: String, in repository: String) { path = "\(repository)/\(reference).lock" }

    /// Waits for the owner, and removes the lock when it has none.
    func outlast() {
        guard let before = inode else { return }
        var waited: UInt32 = 0
        while waited < ReferenceLock.patience {
            usleep(50_000)
            waited += 50_000
            if inode != before { return }
        }
        Folder.remove(path)
    }

    /// Tells a lock from the next one.
    private var inode: ino_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_ino : nil
    }
}

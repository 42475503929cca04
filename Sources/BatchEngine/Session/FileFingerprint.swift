internal import Glibc

/// How a database file looks from outside. When nothing of it has changed, nobody has written to the database.
///
/// SQLite's own change counter does not move in WAL mode; the times of the files do.
struct FileFingerprint {
    let path: String

    /// Nil when the last change is so recent that a further one could bear the same time: the kernel's clock for files
    /// ticks every few milliseconds.
    func read(at milliseconds: Int64) -> String? {
        var parts: [String] = []
        for ending in ["", "-wal", "-journal"] {
            var status = stat()
            guard stat(path + ending, &status) == 0 else {
                parts.append("-")
                continue
            }
            // An empty log is as good as none.
            if !ending.isEmpty, status.st_size == 0 {
                parts.append("-")
                continue
            }
            let changed = Int64(status.st_ctim.tv_sec) * 1_000 + Int64(status.st_ctim.tv_nsec) / 1_000_000
            if milliseconds - changed < FileFingerprint.settling { return nil }
            parts.append(
                "\(status.st_dev):\(status.st_ino):\(status.st_size):\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)")
        }
        return parts.joined(separator: " ")
    }

    /// Milliseconds after which a change shows another time for certain.
    static let settling: Int64 = 20
}

public import BatchCore
internal import Glibc

/// A folder for files that nobody keeps; it is gone when it is released.
///
/// The process that has it holds a lock on it, so that what a killed process left is told from what is in use.
public final class ScratchFolder {
    public let path: String
    private let folder: Lock
    private static let prefix = "batchmgr-scratch-"
    /// Of version 0.1, which made it in the folder of the backups alone.
    private static let oldPrefix = "scratch-"

    /// - Parameter place: where it is made when that can be written; else in the folder for temporary files.
    public init(in place: String) throws(BatchError) {
        let temporary = Environment.value("TMPDIR") ?? "/tmp"
        ScratchFolder.sweep(place)
        ScratchFolder.sweep(temporary, prefix: ScratchFolder.prefix)
        guard let (path, folder) = ScratchFolder.make(place) ?? ScratchFolder.make(temporary) else {
            throw BatchError(
                .file, "no folder for temporary files can be made in \(place) or \(temporary)",
                hint: "name one that can be written: TMPDIR=DIR batchmgr …")
        }
        (self.path, self.folder) = (path, folder)
    }

    private static func make(_ place: String) -> (String, Lock)? {
        while true {
            var name = Array("\(place)/\(prefix)XXXXXX".utf8CString)
            guard let path = mkdtemp(&name).map({ String(cString: $0) }) else { return nil }
            // Somebody may have taken it for a leftover before it was locked.
            if let lock = Lock(path) { return (path, lock) }
        }
    }

    deinit { try? Folder.removeAll(path) }

    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes what killed processes left in the folder of the backups.
    public static func sweep(_ place: String) { sweep(place, prefix: prefix, oldPrefix) }

    private static func sweep(_ place: String, prefix prefixes: String...) {
        for name in (try? Folder.names(in: place)) ?? [] where prefixes.contains(where: name.hasPrefix) {
            let path = "\(place)/\(name)"
            guard let status = FileStatus(path, followingLinks: false), status.isFolder, status.owner == geteuid(),
                let lock = Lock(path)
            else { continue }
            withExtendedLifetime(lock) { try? Folder.removeAll(path) }
        }
    }

    private final class Lock {
        private let folder: File

        /// Nil when another process has it, or it is gone.
        init?(_ path: String) {
            guard let folder = try? File(folder: path), folder.tryLock(),
                FileStatus(path)?.isSameFile(as: folder.status) == true
            else { return nil }
            self.folder = folder
        }
    }
}

public import BatchCore
internal import Glibc

/// A folder for files that nobody keeps; it is gone when it is released.
///
/// The process that has it holds a lock on it, so that what a killed process left is told from what is in use.
public final class ScratchFolder {
    public let path: String
    private let folder: FolderLock
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

    private static func make(_ place: String) -> (String, FolderLock)? {
        while true {
            var generator = SystemRandomNumberGenerator()
            let path = "\(place)/\(prefix)\(Hex.string(generator.next() as UInt64))"
            let isMade = try? UnfinishedFiles.make(path) { () throws(BatchError) in
                while mkdir(path, 0o700) != 0 {
                    if errno != EINTR { throw BatchError(.file, "\(path) cannot be made", hint: "") }
                }
                return true
            }
            guard isMade == true else { return nil }
            // Somebody may have taken it for a leftover before it was locked.
            if let lock = FolderLock(path) { return (path, lock) }
            UnfinishedFiles.forget(path)
        }
    }

    deinit {
        try? Folder.removeAll(path)
        UnfinishedFiles.forget(path)
    }

    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes what killed processes left in the folder of the backups.
    public static func sweep(_ place: String) { sweep(place, prefix: prefix, oldPrefix) }

    private static func sweep(_ place: String, prefix prefixes: String...) {
        for name in (try? Folder.names(in: place)) ?? [] where prefixes.contains(where: name.hasPrefix) {
            let path = "\(place)/\(name)"
            guard let status = FileStatus(path, followingLinks: false), status.isFolder, status.owner == geteuid(),
                let lock = FolderLock(path)
            else { continue }
            withExtendedLifetime(lock) { try? Folder.removeAll(path) }
        }
    }
}

/// A lock on a folder, for as long as this lives: it goes with its process, and every process of the machine sees it, also
/// from another container.
public final class FolderLock: Sendable {
    private let folder: File

    /// Nil when another process has it, or the folder is gone.
    public init?(_ path: String) {
        guard let folder = try? File(folder: path), folder.tryLock(),
            FileStatus(path)?.isSameFile(as: folder.status) == true
        else { return nil }
        self.folder = folder
    }
}

/// Unfinished files of killed processes. They hold rows, so an erasure must find them.
public enum AbandonedFiles {
    /// A file of version 0.1, which did not lock what it wrote, is somebody's for so many seconds.
    private static let patience: Int64 = 3_600

    /// Removes those in the folder of the backups and in its repository.
    /// - Parameter time: now, in seconds since 1970; nil removes files of version 0.1 whatever their age.
    public static func remove(backups: String, at time: Int64?) {
        let folders = [
            "", "/databases", "/reports", "/plans", "/audit-heads", "/history.git", "/history.git/objects/pack",
        ]
        for folder in folders { sweep(backups + folder, at: time) }
    }

    /// Removes those in one folder.
    public static func sweep(_ folder: String, at time: Int64? = nil) {
        for name in (try? Folder.names(in: folder)) ?? [] {
            if let base = TemporaryName.base(name) {
                remove(folder + "/" + base)
            } else if TemporaryName.isNote(name) {
                follow(folder + "/" + name)
            } else if name.hasPrefix("pack-"), name.hasSuffix(".pack") {
                removePack(folder + "/" + name)
            } else if TemporaryName.isOfOldKind(name), let status = FileStatus(folder + "/" + name),
                time.map({ $0 - status.modifiedAt > patience }) ?? true
            {
                Folder.remove(folder + "/" + name)
            }
        }
    }

    /// Removes the file that a note names, and the note, unless both are somebody's.
    private static func follow(_ note: String) {
        guard let file = try? File(reading: note), file.tryLock() else { return }
        if let bytes = try? file.contents(atMost: 1 << 14), let path = String(validating: bytes, as: UTF8.self),
            TemporaryName.base(FilePath.name(path)) != nil
        {
            remove(path)
        }
        Folder.remove(note)
    }

    /// Nobody looks for a pack without its index. Who writes one makes the index within a moment.
    private static func removePack(_ path: String) {
        guard !Folder.exists(String(path.dropLast(5)) + ".idx"), let status = FileStatus(path),
            WallClock.now.milliseconds - status.changedAt / 1_000_000 > packPatience
        else { return }
        if let file = try? File(reading: path), file.tryLock() { Folder.remove(path) }
    }

    /// Milliseconds.
    private static let packPatience: Int64 = 2_000

    /// Leaves it alone while its writer has it locked.
    private static func remove(_ path: String) {
        if let file = try? File(reading: path) {
            guard file.tryLock() else { return }
            removeAll(path)
        } else if FileStatus(path) == nil {
            removeAll(path)
        }
    }

    private static func removeAll(_ path: String) {
        for ending in TemporaryName.endings { Folder.remove(path + ending) }
    }
}

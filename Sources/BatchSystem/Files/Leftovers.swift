internal import BatchCore

/// Unfinished files of killed processes. They hold rows, so an erasure must find them.
public enum Leftovers {
    /// A file of version 0.1, which did not lock what it wrote, is somebody's for so many seconds.
    private static let patience: Int64 = 3_600

    /// Removes those in the folder of the backups and in its repository.
    /// - Parameter time: now, in seconds since 1970; nil removes files of version 0.1 whatever their age.
    public static func remove(backups: String, at time: Int64?) {
        let folders = ["", "/reports", "/plans", "/audit-heads", "/history.git", "/history.git/objects/pack"]
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

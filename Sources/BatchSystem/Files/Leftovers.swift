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
            } else if TemporaryName.isOfOldKind(name), let status = FileStatus(folder + "/" + name),
                time.map({ $0 - status.modifiedAt > patience }) ?? true
            {
                Folder.remove(folder + "/" + name)
            }
        }
    }

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

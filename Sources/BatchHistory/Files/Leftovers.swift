internal import Glibc

/// Unfinished files of killed processes. They hold rows, so an erasure must find them.
public struct Leftovers {
    private let mayBeOwn: Bool

    /// - Parameter mayBeOwn: this process has no unfinished files, so those that bear its number are of another one that
    ///   had the number before: in a container every process may have the same.
    public init(mayBeOwn: Bool = false) { self.mayBeOwn = mayBeOwn }

    /// Removes those in the folder of the backups and in its repository.
    public func remove(backups: String) {
        for folder in ["", "/reports", "/history.git/objects/pack"].map({ backups + $0 }) where Folder.exists(folder) {
            for name in (try? Folder.names(in: folder)) ?? [] {
                guard let process = Leftovers.process(name), isGone(process) else { continue }
                Folder.remove(folder + "/" + name)
            }
        }
    }

    /// The number of the process in the name of an unfinished file; nil for other files.
    static func process(_ name: String) -> pid_t? {
        for prefix in ["tmp_pack_", "tmp_idx_"] where name.hasPrefix(prefix) {
            return pid_t(name.dropFirst(prefix.count))
        }
        var parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 2, ["tmp", "tmp-journal", "tmp-wal", "tmp-shm"].contains(parts.removeLast()) else {
            return nil
        }
        return parts.last.flatMap { pid_t($0) }
    }

    private func isGone(_ process: pid_t) -> Bool {
        guard process > 0 else { return false }
        if process == getpid() { return mayBeOwn }
        return kill(process, 0) != 0 && errno == ESRCH
    }
}

internal import Glibc
internal import Synchronization

/// What the kernel says of a file.
public struct FileStatus: Equatable, Sendable {
    public let device: UInt64
    public let inode: UInt64
    public let size: Int64
    /// So many names lead to it: hard links.
    public let names: Int
    public let owner: UInt32
    public let group: UInt32
    /// Of the last change of contents or facts, in nanoseconds since 1970.
    public let changedAt: Int64
    /// Of the last change of contents, in seconds since 1970.
    public let modifiedAt: Int64
    private let mode: mode_t

    /// Of a file that is not there.
    public static let none = FileStatus(stat())

    /// - Returns: nil when there is nothing at this path, or nothing that may be looked at.
    public init?(_ path: String, followingLinks: Bool = true) {
        self.init(path: path, followingLinks: followingLinks)
    }

    init?(path: UnsafePointer<CChar>, followingLinks: Bool) {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(status)
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        names = Int(status.st_nlink)
        owner = status.st_uid
        group = status.st_gid
        mode = status.st_mode
        changedAt = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        modifiedAt = Int64(status.st_mtim.tv_sec)
    }

    public var isFile: Bool { mode & S_IFMT == S_IFREG }
    public var isLink: Bool { mode & S_IFMT == S_IFLNK }
    public var isFolder: Bool { mode & S_IFMT == S_IFDIR }
    /// Who may read, write and search: nine bits.
    public var permissions: UInt32 { mode & 0o777 }

    /// Two paths with the same answer are one file.
    public func isSameFile(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }
}

/// How a database file looks from outside. When nothing of it has changed, nobody has written to the database.
///
/// SQLite's own change counter does not move in WAL mode; the times of the files do.
public struct FileFingerprint {
    public let path: String

    public init(path: String) { self.path = path }

    /// Nil when the last change is so recent that a further one could bear the same time: the kernel's clock for files
    /// ticks every few milliseconds.
    public func read(at milliseconds: Int64) -> String? {
        var parts: [String] = []
        for ending in ["", "-wal", "-journal"] {
            // An empty log is as good as none.
            guard let facts = FileStatus(path + ending), ending.isEmpty || facts.size > 0 else {
                parts.append("-")
                continue
            }
            if milliseconds - facts.changedAt / 1_000_000 < FileFingerprint.settling { return nil }
            parts.append("\(facts.device):\(facts.inode):\(facts.size):\(facts.changedAt)")
        }
        return parts.joined(separator: " ")
    }

    /// Milliseconds after which a change shows another time for certain.
    public static let settling: Int64 = 20
}

/// Who may read what is written beside a database: nobody who may not read the database itself.
public enum Permissions {
    private static let lock = Mutex(())

    /// What files and folders may have at most, beside a file with these permissions: who may read a file may look into
    /// its folder. Its owner may do everything.
    static func most(beside permissions: UInt32) -> UInt32 {
        permissions & 0o666 | (permissions & 0o444) >> 2 | 0o700
    }

    /// From here on, no file that this process makes has more permissions than the database, whoever makes it: this
    /// module, SQLite or libgit2. With several databases the strictest one counts.
    public static func limit(to database: String) {
        guard let status = FileStatus(database), status.isFile else { return }
        lock.withLock { _ in
            let before = umask(0o077)
            umask(before | ~most(beside: status.permissions) & 0o777)
        }
    }

    /// Takes away what the files of a home have beyond the database, as version 0.1 or another program made them.
    ///
    /// Only names that we give are touched, and the folder itself only when nothing else lies in it.
    public static func tighten(_ home: String, to database: String) {
        guard let status = FileStatus(database), isWider(home, than: database) else { return }
        let most = most(beside: status.permissions)
        let names = (try? Folder.names(in: home)) ?? []
        for name in names where isOurs(name) { tighten(home + "/" + name, most) }
        if names.allSatisfy(isOurs) { chmod(home, (FileStatus(home)?.permissions ?? 0o700) & most) }
    }

    /// True when somebody may read the home, or what is most telling in it, who may not read the database.
    public static func isWider(_ home: String, than database: String) -> Bool { wider(home, than: database) != nil }

    /// The first of them.
    public static func wider(_ home: String, than database: String) -> String? {
        guard let status = FileStatus(database), let folder = FileStatus(home), folder.isFolder else { return nil }
        let most = most(beside: status.permissions)
        let names = (try? Folder.names(in: home)) ?? []
        // A folder that nobody may enter protects what is in it.
        let isOpen = folder.permissions & ~most != 0
        if isOpen, names.allSatisfy(isOurs) { return home }
        return isOpen
            ? names.filter(isOurs).map { home + "/" + $0 }.first { path in
                FileStatus(path, followingLinks: false).map { !$0.isLink && $0.permissions & ~most != 0 } ?? false
            } : nil
    }

    private static func tighten(_ path: String, _ most: UInt32) {
        guard let status = FileStatus(path, followingLinks: false), !status.isLink else { return }
        if status.permissions & ~most != 0 { chmod(path, status.permissions & most) }
        guard status.isFolder else { return }
        for name in (try? Folder.names(in: path)) ?? [] { tighten(path + "/" + name, most) }
    }

    /// A name that we give in a home.
    public static func isOurs(_ name: String) -> Bool {
        let whole = [
            "history.git", "logs", "reports", "plans", "audit-heads", "tenants", "erase-pending", "databases",
            ".gitignore",
        ]
        let prefixes = ["control.db", "signing.", "batch_", "rollback_", "plan_", "batchmgr-scratch-", ".batchmgr-"]
        return whole.contains(name) || prefixes.contains(where: name.hasPrefix) || name.hasSuffix(".tmp")
    }
}

internal import Glibc

/// What the kernel says of a file.
public struct FileStatus: Equatable, Sendable {
    public let device: UInt64
    public let inode: UInt64
    public let size: Int64
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

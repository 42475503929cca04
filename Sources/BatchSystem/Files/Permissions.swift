internal import Glibc
internal import Synchronization

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
    private static func isOurs(_ name: String) -> Bool {
        let whole = [
            "history.git", "logs", "reports", "plans", "audit-heads", "signing.key", "signing.pub", "tenants",
            "erase-pending", "databases", ".gitignore",
        ]
        let prefixes = ["control.db", "batch_", "rollback_", "plan_", "batchmgr-scratch-", ".batchmgr-"]
        return whole.contains(name) || prefixes.contains(where: name.hasPrefix) || name.hasSuffix(".tmp")
    }
}

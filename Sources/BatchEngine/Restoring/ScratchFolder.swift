internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import Glibc

/// A folder for files that nobody keeps; it is gone when it is released.
///
/// The process that has it holds a lock on it, so that what a killed process left is told from what is in use.
final class ScratchFolder {
    let path: String
    private let lock: Int32
    private static let prefix = "scratch-"

    /// - Parameter place: where it is made when that can be written; else in the folder for temporary files.
    init(in place: String) throws(BatchError) {
        ScratchFolder.sweep(place)
        let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        for folder in [place, temporary] {
            var name = Array("\(folder)/\(ScratchFolder.prefix)XXXXXX".utf8CString)
            guard let made = mkdtemp(&name).map({ String(cString: $0) }) else { continue }
            if let lock = ScratchFolder.lock(made) {
                path = made
                self.lock = lock
                return
            }
        }
        throw BatchError(
            .file, "no folder for temporary files can be made in \(place) or \(temporary)",
            hint: "name one that can be written: TMPDIR=DIR batchmgr …")
    }

    deinit {
        ScratchFolder.remove(path)
        close(lock)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes what killed processes left in `place`.
    static func sweep(_ place: String) {
        for name in (try? FolderText.names(in: place)) ?? [] where name.hasPrefix(prefix) {
            let path = "\(place)/\(name)"
            guard let lock = lock(path) else { continue }
            remove(path)
            close(lock)
        }
    }

    /// Nil when another process has the folder.
    private static func lock(_ path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    private static func remove(_ path: String) {
        for name in (try? FolderText.names(in: path)) ?? [] where name != "." && name != ".." {
            unlink("\(path)/\(name)")
        }
        rmdir(path)
    }
}

/// A copy of a database to try things on; it is gone when it is released.
final class ScratchCopy {
    private let folder: ScratchFolder
    /// The copy, opened for writing. It has the ledger of the database up to now.
    let session: Session

    init(of original: Session) throws(BatchError) {
        try Folder.create(original.backups)
        folder = try ScratchFolder(in: original.backups)
        let path = folder.file("copy.db")
        try original.connection.backup(to: try Connection(path: path, mode: .create))
        var database = original.database
        database.path = path
        // The path names one file now, whoever it belongs to.
        if database.tenancy == .file { database.tenancy = .none }
        let place = Workspace(
            folder: original.workspace.folder, file: original.workspace.file, databases: [database],
            backups: folder.path, catalog: original.workspace.catalog, plugins: original.workspace.plugins)
        var context = original.context
        let reach = context.reach
        context.reach = { reach("copy-\($0)") }
        // What happens here has not happened.
        context.log = .none
        session = try Session(place, tenant: original.tenant, context: context)
        try session.connection.execute("PRAGMA synchronous = OFF")
    }
}

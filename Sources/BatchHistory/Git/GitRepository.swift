package import BatchCore
internal import BatchSystem
internal import CGit2
internal import Glibc

/// A bare repository: objects, references, and where packs go.
package final class GitRepository {
    let path: String
    let handle: OpaquePointer
    private let objects: OpaquePointer
    private let hash = SHA1()
    /// Objects on their way into a pack, while several points are written into it.
    private var unwritten: [ObjectID: (kind: ObjectKind, content: [UInt8])]?

    /// libgit2 wants one start per process. Its caches are kept small: objects are read once, and memory has to stay flat.
    private static let library: Bool = {
        git_libgit2_init()
        _ = cgit2_set_flag(Int32(GIT_OPT_ENABLE_FSYNC_GITDIR.rawValue), 1)
        _ = cgit2_set_flag(Int32(GIT_OPT_SET_OWNER_VALIDATION.rawValue), 0)
        // Nobody's settings of git say what a restore point is; and who may not read those of $HOME, as a program that cron
        // starts for another user, could open no repository.
        for level in [
            GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
        ] { _ = cgit2_set_search_path(level.rawValue, "") }
        // `read` checks with the processor's SHA instructions, several times as fast.
        _ = cgit2_set_flag(Int32(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION.rawValue), 0)
        _ = cgit2_set_size(Int32(GIT_OPT_SET_MWINDOW_SIZE.rawValue), 8 << 20)
        _ = cgit2_set_size(Int32(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT.rawValue), 64 << 20)
        _ = cgit2_set_cache(8 << 20)
        return true
    }()

    /// The start, on a thread of its own.
    fileprivate static let start = BackgroundTask<Void> { () throws(BatchError) in _ = library }

    /// - Throws: `ERR_DATA_NO_RESTORE_POINT` when there is no repository, `ERR_INTEGRATION_GIT` when it is damaged.
    package init(opening path: String) throws(BatchError) {
        _ = GitRepository.library
        guard Folder.exists(path) else {
            throw BatchError(
                .noRestorePoint, "there is no repository of restore points at \(path)",
                hint:
                    "restore from the .bak files: \(command: "restore --point POINT --source bak --to FILE"), or run a batch to begin one"
            )
        }
        for name in ["HEAD", "config", "packed-refs", "objects/info/alternates"] {
            try GitRepository.requireFile("\(path)/\(name)")
        }
        for name in try Folder.names(in: path + "/objects/pack") {
            try GitRepository.requireFile("\(path)/objects/pack/\(name)")
        }
        var opened: OpaquePointer?
        try GitFault.check(git_repository_open_bare(&opened, path), doing: "open \(path)")
        var database: OpaquePointer?
        let code = git_repository_odb(&database, opened)
        guard let opened, let database else { throw GitFault.error(code, doing: "open the objects of \(path)") }
        handle = opened
        objects = database
        self.path = path
    }

    /// Makes the repository when it is missing. `branch` is what a clone checks out.
    package static func create(_ path: String, branch: String) throws(BatchError) {
        _ = library
        if Folder.exists(path + "/HEAD") && Folder.exists(path + "/objects") { return }
        try requireNothing(at: path)
        let parent = FilePath.parent(path)
        try Folder.create(parent)
        // Made elsewhere, and durable in all its parts before it bears its name: half a repository would be taken for one.
        let scratch = try ScratchFolder(in: parent)
        let unfinished = scratch.file("history.git")
        var options = git_repository_init_options()
        git_repository_init_options_init(&options, UInt32(GIT_REPOSITORY_INIT_OPTIONS_VERSION))
        options.flags = GIT_REPOSITORY_INIT_BARE.rawValue | GIT_REPOSITORY_INIT_MKPATH.rawValue
        var made: OpaquePointer?
        let code = branch.withCString { head in
            options.initial_head = head
            return git_repository_init_ext(&made, unfinished, &options)
        }
        try GitFault.check(code, doing: "create \(path)")
        git_repository_free(made)
        try Folder.syncAll(unfinished)
        // What a killed process of version 0.1 left has no history in it.
        try Folder.removeAll(path)
        try DurableFile.rename(unfinished, to: path)
        try Folder.sync(parent)
    }

    /// A history that lost a file, or something else of that name, is not ours to replace.
    private static func requireNothing(at path: String) throws(BatchError) {
        guard let status = FileStatus(path, followingLinks: false) else { return }
        let packs = status.isFolder ? (try? Folder.names(in: path + "/objects/pack")) ?? [] : []
        guard status.isFolder, packs.isEmpty else {
            throw BatchError(
                .git, "\(path) exists, but is not a complete repository",
                hint: "check it, and move it away when it holds nothing; until then the .bak files lead to the points")
        }
    }

    /// libgit2 would wait for ever for what a pipe says.
    /// - Throws: `ERR_INTEGRATION_GIT` when something else than a file bears the name.
    static func requireFile(_ path: String) throws(BatchError) {
        guard let status = FileStatus(path), !status.isFile, !status.isFolder else { return }
        throw BatchError(
            .git, "\(path) is not a file",
            hint:
                "put the file back from a clone, or restore from the .bak files: \(command: "restore --point POINT --source bak --to FILE")"
        )
    }

    deinit {
        git_odb_free(objects)
        git_repository_free(handle)
    }

    /// Bytes of an object. A few bytes of a pack can claim to be many gigabytes.
    private static let largest = 2 << 30

    package var packFolder: String { path + "/objects/pack" }
    package var refs: Refs { Refs(repository: self) }

    // MARK: Objects

    /// From here on what is added to the pack can be read at once.
    func keepUnwritten() { unwritten = [:] }

    func note(_ id: ObjectID, _ kind: ObjectKind, _ content: UnsafeRawBufferPointer) {
        unwritten?[id] = (kind, [UInt8](content))
    }

    /// True without looking at the disk again: new packs of other processes are not seen.
    func holds(_ id: ObjectID) -> Bool {
        var native = GitRepository.native(id)
        return git_odb_exists_ext(objects, &native, GIT_ODB_LOOKUP_NO_REFRESH.rawValue) == 1
    }

    /// The content of an object; its SHA-1 is checked.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` with the id when it is missing, damaged or of another kind.
    package func read(_ id: ObjectID, _ kind: ObjectKind) throws(BatchError) -> [UInt8] {
        if let known = unwritten?[id], known.kind == kind { return known.content }
        var native = GitRepository.native(id)
        var size = 0
        var type = GIT_OBJECT_INVALID
        if git_odb_read_header(&size, &type, objects, &native) == 0, size > GitRepository.largest {
            throw GitRepository.corrupt(id, kind, "is larger than any value that SQLite has")
        }
        var object: OpaquePointer?
        let code = git_odb_read(&object, objects, &native)
        defer { git_odb_object_free(object) }
        guard code == 0, let object else {
            if code == GIT_ENOTFOUND.rawValue { throw GitRepository.corrupt(id, kind, "is missing") }
            // A disk that does not answer, or no descriptor left, is no damage.
            if GitFault.isOfSystem { throw GitFault.error(code, doing: "read \(kind.name) \(id)") }
            throw GitRepository.corrupt(id, kind, "is damaged")
        }
        guard git_odb_object_type(object).rawValue == Int32(kind.rawValue) else {
            throw GitRepository.corrupt(id, kind, "is of another kind")
        }
        let content = UnsafeRawBufferPointer(start: git_odb_object_data(object), count: git_odb_object_size(object))
        hash.update(Array("\(kind.name) \(content.count)\0".utf8))
        hash.update(content)
        guard hash.finish() == id else { throw GitRepository.corrupt(id, kind, "is damaged") }
        return [UInt8](content)
    }

    /// The content of an object of any kind.
    func read(_ id: ObjectID) throws(BatchError) -> (ObjectKind, [UInt8]) {
        for kind in [ObjectKind.blob, .tree, .commit, .tag] {
            var native = GitRepository.native(id)
            var size = 0
            var type = GIT_OBJECT_INVALID
            guard git_odb_read_header(&size, &type, objects, &native) == 0 else { break }
            if type.rawValue == Int32(kind.rawValue) { return (kind, try read(id, kind)) }
        }
        throw GitRepository.corrupt(id, .blob, "is missing")
    }

    static func corrupt(_ id: ObjectID, _ kind: ObjectKind, _ what: String) -> BatchError {
        BatchError(
            .corruptRecord, "git \(kind.name) \(id) \(what)",
            hint: "restore this point from its .bak: \(command: "restore --point POINT --source bak --to FILE")")
    }

    /// The object whose id begins with `prefix`; nil when there is none or more than one.
    func object(withPrefix prefix: String) -> ObjectID? {
        guard prefix.utf8.count >= 4, prefix.utf8.count <= 40 else { return nil }
        var short = git_oid()
        guard git_oid_fromstrp(&short, prefix) == 0 else { return nil }
        var full = git_oid()
        guard git_odb_exists_prefix(&full, objects, &short, prefix.utf8.count) == 0 else { return nil }
        return GitRepository.id(full)
    }

    static func native(_ id: ObjectID) -> git_oid {
        var native = git_oid()
        git_oid_fromraw(&native, id.bytes)
        return native
    }

    static func id(_ native: git_oid) -> ObjectID {
        withUnsafeBytes(of: native.id) { ObjectID($0) }
    }
}

/// The one funnel for libgit2's return codes. Its last error is copied at once: the next call overwrites it.
enum GitFault {
    /// - Parameter doing: what was tried, with the name of the thing.
    static func error(_ code: Int32, doing: String) -> BatchError {
        // Read first: libgit2 gives the code of a failed system call nowhere else.
        let system = errno
        let last = git_error_last()
        let said = last.flatMap { $0.pointee.message }.map { String(cString: $0) } ?? "code \(code)"
        let kind = last.map { $0.pointee.klass } ?? 0
        let error = refusal(code, isSystem: kind == GIT_ERROR_OS.rawValue, system, "\(doing): \(said)")
        return BatchError(error.code, error.message, hint: error.hint, cause: .git(code: code, class: kind))
    }

    private static func refusal(_ code: Int32, isSystem: Bool, _ system: Int32, _ message: String) -> BatchError {
        if code == GIT_ELOCKED.rawValue || code == GIT_EMODIFIED.rawValue {
            return BatchError(.busy, message, hint: "another program writes to the repository; try again in a moment")
        }
        let reason = SystemError(code: system)
        if isSystem, reason.isShortage { return reason.error(message) }
        if isSystem, [EACCES, EPERM, EROFS].contains(system) {
            return BatchError(.readOnly, message, hint: "make the repository writable, then: \(command: "doctor")")
        }
        return BatchError(.git, message, hint: "check the repository: git fsck, then: \(command: "verify")")
    }

    /// True when the last error came from the operating system.
    static var isOfSystem: Bool {
        git_error_last().map { $0.pointee.klass == Int32(GIT_ERROR_OS.rawValue) } ?? false
    }

    static func check(_ code: Int32, doing: @autoclosure () -> String) throws(BatchError) {
        if code < 0 { throw error(code, doing: doing()) }
    }
}

extension GitStore {
    /// Starts the library beside what the caller does: libgit2 reads all certificates of the machine first, which takes
    /// longer than a restore point of a few rows.
    public static func prepare() { _ = GitRepository.start }
}

public import BatchCore
internal import Glibc

/// Folders and the names in them.
public enum Folder {
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    public static func mayWrite(_ path: String) -> Bool { access(path, W_OK) == 0 }

    public static func mayRead(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// Makes the folder and those above it, durable with their names.
    public static func create(_ path: String) throws(BatchError) {
        if exists(path) { return }
        let above = FilePath.parent(path)
        if above != path { try create(above) }
        do throws(SystemError) {
            try SystemCall.attempt(.makeFolder) { mkdir(path, 0o777) }
        } catch {
            if error.code == EEXIST { return }
            throw error.error("create folder \(path)", file: path)
        }
        try sync(above)
    }

    /// The names in it, sorted; none when there is no such folder.
    public static func names(in path: String) throws(BatchError) -> [String] {
        try rawNames(in: path).map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    /// Those of them that are not UTF-8, sorted.
    public static func namesThatAreNoText(in path: String) throws(BatchError) -> [RawName] {
        try rawNames(in: path).filter { String(validating: $0, as: UTF8.self) == nil }
            .sorted { $0.lexicographicallyPrecedes($1) }.map(RawName.init)
    }

    private static func rawNames(in path: String) throws(BatchError) -> [[UInt8]] {
        guard let stream = opendir(path) else {
            let error = SystemError(code: errno)
            if error.code == ENOENT { return [] }
            throw error.error("read folder \(path)", file: path)
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: UInt8.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: 256).prefix { $0 != 0 })
                }
            }
            if name != [0x2E] && name != [0x2E, 0x2E] { names.append(name) }
        }
        return names
    }

    /// Makes the names in it durable.
    public static func sync(_ path: String) throws(BatchError) { try File(folder: path).sync() }

    /// Makes all that is in it durable, contents and names.
    public static func syncAll(_ path: String) throws(BatchError) {
        for name in try names(in: path) {
            let inner = path + "/" + name
            guard let status = FileStatus(inner, followingLinks: false) else { continue }
            if status.isFolder { try syncAll(inner) } else if status.isFile { try DurableFile.sync(inner) }
        }
        try sync(path)
    }

    /// Removes a file, if it is there; its name may come back after a power cut.
    public static func remove(_ path: String) { _ = try? SystemCall.attempt(.unlink) { unlink(path) } }

    /// Removes a folder with all that is in it, if it is there.
    public static func removeAll(_ path: String) throws(BatchError) {
        guard let status = FileStatus(path, followingLinks: false) else { return }
        guard status.isFolder else { return remove(path) }
        for name in try names(in: path) { try removeAll(path + "/" + name) }
        rmdir(path)
    }

    /// Removes the folders below this one in which no file is, and itself when nothing is left.
    public static func removeEmpty(_ path: String) throws(BatchError) {
        guard FileStatus(path, followingLinks: false)?.isFolder == true else { return }
        for name in try names(in: path) { try removeEmpty(path + "/" + name) }
        rmdir(path)
    }

    /// Removes a folder in which nothing is.
    public static func removeIfEmpty(_ path: String) { rmdir(path) }

    /// Nil when the name is no symbolic link.
    public static func linkTarget(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
}

/// Paths as text, and as what they lead to.
public enum FilePath {
    public static func join(_ folder: String, _ name: String) -> String {
        if name.isAbsolutePath { return name }
        return folder.endsInSlash ? folder + name : "\(folder)/\(name)"
    }

    /// `.` for a name without a folder, `/` for what lies in the root.
    public static func parent(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    public static func name(_ path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    /// The folder that this process works in.
    public static var current: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// With all links resolved; nil when there is nothing at this path.
    public static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Relative to the current folder when it is below it, as a user would write it.
    public static func shown(_ path: String) -> String {
        let prefix = current + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }
}

/// An open folder, through which names are reached: nobody can put a link in the way.
public struct OpenFolder: ~Copyable {
    private let file: File

    public init(_ path: String) throws(BatchError) { file = try File(folder: path) }

    private init(_ file: consuming File) { self.file = file }

    /// A folder in it, made when it is missing.
    /// - Parameter made: told when it was.
    /// - Throws: ELOOP or ENOTDIR for a symbolic link: Linux says either.
    public func folder(_ name: String, noting made: MadeFolders) throws(SystemError) -> OpenFolder {
        let number = file.descriptor
        do throws(SystemError) {
            try SystemCall.attempt(.makeFolder) { mkdirat(number, name, 0o777) }
            made.add(name, in: number)
            try SystemCall.attempt(.sync) { fsync(number) }
        } catch {
            guard error.code == EEXIST else { throw error }
        }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        return OpenFolder(
            File(descriptor: try SystemCall.attempt(.open) { openat(number, name, flags) }, path: name))
    }

    public func create(_ name: String, for path: String) throws(BatchError) -> File {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let number = try SystemCall.run(.open, "create \(path)", file: path) {
            openat(file.descriptor, name, flags, 0o666)
        }
        return File(descriptor: number, path: path)
    }

    /// Removes a file, if it is there.
    public func remove(_ name: String) {
        _ = try? SystemCall.attempt(.unlink) { unlinkat(file.descriptor, name, 0) }
    }

    /// Durable when it returns.
    public func rename(_ name: String, to final: String, for path: String) throws(BatchError) {
        let number = file.descriptor
        try SystemCall.run(.rename, "name \(path)", file: path) { renameat(number, name, number, final) }
        try file.sync()
    }

    /// A name for a file that is not finished.
    public func temporaryName(for name: String) -> String { TemporaryName.beside(name) }

    public func names() throws(BatchError) -> [String] { try Folder.names(in: "/proc/self/fd/\(file.descriptor)") }
}

/// Folders that were made on the way to a file, to be taken back when the file is not written.
public final class MadeFolders {
    private var places: [(above: Int32, name: String)] = []

    public init() {}

    deinit {
        for place in places { close(place.above) }
    }

    fileprivate func add(_ name: String, in folder: Int32) {
        let number = fcntl(folder, F_DUPFD_CLOEXEC, 0)
        if number >= 0 { places.append((number, name)) }
    }

    /// Removes those in which nothing is.
    public func removeEmpty() {
        for place in places.reversed() { unlinkat(place.above, place.name, AT_REMOVEDIR) }
    }
}

extension SystemError {
    /// A symbolic link stands where a folder is wanted.
    public var isLink: Bool { code == ELOOP || code == ENOTDIR }
}

/// Hears from the kernel that files have come into a folder. Where it cannot hear, it says so, and one has to look now and
/// then: a full table of watches, a file system of another machine.
///
/// Unchecked: one thread at a time uses it.
public final class FolderWatch: @unchecked Sendable {
    private let descriptor: Int32

    /// - Returns: nil when nothing can be heard.
    public init?(_ folder: String) {
        let number = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard number >= 0 else { return nil }
        descriptor = number
        let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB)
        guard inotify_add_watch(number, folder, events) >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Whether something has come since it was asked last. Never waits.
    public var hasHeard: Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var isAny = false
        while read(descriptor, &buffer, buffer.count) > 0 { isAny = true }
        return isAny
    }
}

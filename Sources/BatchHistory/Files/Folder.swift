public import BatchCore
internal import Glibc

/// Names in a folder, changed so that a crash leaves the old state or the new one.
public enum Folder {
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes the folder and those above it.
    public static func create(_ path: String) throws(BatchError) {
        if exists(path) { return }
        let above = parent(of: path)
        if above != path { try create(above) }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw FileFault.error("create folder", path) }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// The names in it, sorted.
    static func names(in path: String) throws(BatchError) -> [String] {
        guard let stream = opendir(path) else { throw FileFault.error("read folder", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func sync(_ path: String) throws(BatchError) {
        try File(reading: path).sync()
    }

    static func syncFile(_ path: String) throws(BatchError) {
        try File(reading: path).sync()
    }

    /// Gives a finished file its name: its bytes are durable before the name is, and the name when this returns.
    static func publish(_ temporary: String, as path: String) throws(BatchError) {
        try syncFile(temporary)
        guard rename(temporary, path) == 0 else { throw FileFault.error("rename to", path) }
        try sync(parent(of: path))
    }

    /// Writes a small file so that it is there whole or not at all.
    public static func write(_ bytes: [UInt8], to path: String) throws(BatchError) {
        let temporary = temporary(for: path)
        let file = try File(creating: temporary)
        try file.write(bytes)
        try file.sync()
        try publish(temporary, as: path)
    }

    /// The content of a small file.
    /// - Throws: `ERR_UX_FILE_MISSING`.
    public static func read(_ path: String) throws(BatchError) -> [UInt8] {
        guard exists(path) else {
            throw BatchError(.fileMissing, "there is no file \(path)", hint: "check the path")
        }
        return try File(reading: path).contents(atMost: 16 << 20)
    }

    /// Seconds since 1970; 0 when there is no such file.
    static func modificationTime(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_mtim.tv_sec) : 0
    }

    /// Removes a file, if it is there.
    public static func remove(_ path: String) { unlink(path) }

    /// Gives a durable file another name, in place of the one that bears it.
    public static func move(_ from: String, to path: String) throws(BatchError) { try publish(from, as: path) }

    /// Removes a folder with all that is in it, if it is there.
    public static func removeAll(_ path: String) throws(BatchError) {
        guard exists(path) else { return }
        for name in try names(in: path) {
            let inner = path + "/" + name
            var status = stat()
            guard lstat(inner, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR { try removeAll(inner) } else { unlink(inner) }
        }
        rmdir(path)
    }

    /// A name beside `path` for a file that is not finished. Leftovers of killed processes end in `.tmp` too.
    static func temporary(for path: String) -> String { "\(path).\(getpid()).tmp" }
}

internal import Glibc

/// A folder that is gone, with all it holds, when the test ends.
public final class TemporaryFolder {
    public let path: String

    /// - Parameter inMemory: where there is such a place; a sync costs nothing there.
    public init(inMemory: Bool = false) {
        let parent = inMemory && access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(parent)/batchmgr-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { name in name.baseAddress.flatMap { mkdtemp($0) } }
        path = made.map { String(cString: $0) } ?? ""
        precondition(!path.isEmpty, "no temporary folder can be made")
    }

    deinit { if !TemporaryFolder.remove(path) { TemporaryFolder.forceRemoval(of: path) } }

    /// Without a process of its own. False when something is in the way, such as a folder that was made read-only.
    private static func remove(_ path: String) -> Bool {
        guard let folder = opendir(path) else { return false }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            let child = path + "/" + name
            if unlink(child) != 0, !remove(child) { break }
        }
        closedir(folder)
        return rmdir(path) == 0
    }

    private static func forceRemoval(of path: String) {
        _ = Shell.run("chmod -R u+w \(Shell.quote(path)) && rm -rf \(Shell.quote(path))")
    }

    /// Hands over the path of a folder that is gone afterwards.
    public static func with<Value>(_ body: (String) throws -> Value) rethrows -> Value {
        let folder = TemporaryFolder()
        return try withExtendedLifetime(folder) { try body(folder.path) }
    }

    public func file(_ name: String) -> String { path + "/" + name }

    /// Copies a database with its -wal and -shm, and makes the copy writable.
    public func copy(database: String, as name: String) -> String {
        let target = file(name)
        for suffix in ["", "-wal", "-shm"] where access(database + suffix, F_OK) == 0 {
            let (from, to) = (Shell.quote(database + suffix), Shell.quote(target + suffix))
            _ = Shell.run("cp \(from) \(to) && chmod u+w \(to)")
        }
        return target
    }
}

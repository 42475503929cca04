internal import Glibc

/// A folder that is gone, with all it holds, when the test ends.
public final class TemporaryFolder {
    public let path: String

    public init() {
        var template = Array("/tmp/batchmgr-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { name in name.baseAddress.flatMap { mkdtemp($0) } }
        path = made.map { String(cString: $0) } ?? ""
        precondition(!path.isEmpty, "no temporary folder can be made")
    }

    deinit { _ = Shell.run("chmod -R u+w \(Shell.quote(path)) && rm -rf \(Shell.quote(path))") }

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

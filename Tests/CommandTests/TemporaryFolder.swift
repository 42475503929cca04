import Glibc
import Testing

enum TemporaryFolder {
    /// A folder that is gone afterwards.
    static func with<Value>(_ body: (String) throws -> Value) throws -> Value {
        var name = Array("/tmp/batchmgr-test-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&name)))
        // The name is made above: nothing in it that a shell would take for more than a name.
        defer { _ = system("rm -rf \(folder)") }
        return try body(folder)
    }
}

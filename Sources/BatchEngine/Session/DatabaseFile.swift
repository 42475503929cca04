internal import BatchCore
internal import Glibc

/// The file of a database, looked at before SQLite does: its errors are better.
struct DatabaseFile {
    let path: String

    init(_ path: String) { self.path = path }

    func check(mustWrite: Bool) throws(BatchError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw BatchError(.fileMissing, "there is no database \(path)", hint: "check the path: --db PATH")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw BatchError(
                .notADatabase, "\(path) is not a file", hint: "give the path of a SQLite database: --db PATH")
        }
        guard access(path, R_OK) == 0 else {
            throw BatchError(
                .file, "\(path) may not be read", hint: "see the permissions: \(command: "doctor --db \(path)")")
        }
        guard mustWrite else { return }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        for place in [path, folder.isEmpty ? "/" : folder] where access(place, W_OK) != 0 {
            throw BatchError(
                .readOnly, "\(place) may not be written", hint: "see the permissions: \(command: "doctor --db \(path)")"
            )
        }
    }

    /// Bytes, with the write-ahead log.
    var size: Int64 {
        ["", "-wal"].reduce(0) { sum, ending in
            var status = stat()
            return stat(path + ending, &status) == 0 ? sum + Int64(status.st_size) : sum
        }
    }
}

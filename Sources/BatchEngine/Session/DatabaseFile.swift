internal import BatchCore
internal import BatchSystem

/// The file of a database, looked at before SQLite does: its errors are better.
struct DatabaseFile {
    let path: String

    init(_ path: String) { self.path = path }

    func check(mustWrite: Bool) throws(BatchError) {
        guard let status = FileStatus(path) else {
            throw BatchError(.fileMissing, "there is no database \(path)", hint: "check the path: --db PATH")
        }
        guard status.isFile else {
            throw BatchError(
                .notADatabase, "\(path) is not a file", hint: "give the path of a SQLite database: --db PATH")
        }
        guard Folder.mayRead(path) else {
            throw BatchError(
                .file, "\(path) may not be read", hint: "see the permissions: \(command: "doctor --db \(path)")")
        }
        guard mustWrite else { return }
        for place in [path, FilePath.parent(path)] where !Folder.mayWrite(place) {
            throw BatchError(
                .readOnly, "\(place) may not be written", hint: "see the permissions: \(command: "doctor --db \(path)")"
            )
        }
    }

    /// Bytes, with the write-ahead log.
    var size: Int64 {
        ["", "-wal"].reduce(0) { sum, ending in
            sum + (FileStatus(path + ending)?.size ?? 0)
        }
    }
}

internal import BatchCore
internal import Glibc

/// A folder for files that nobody keeps; it is gone when it is released.
final class ScratchFolder {
    let path: String

    /// - Parameter place: where it is made when that can be written; else in the folder for temporary files.
    init(in place: String) throws(BatchError) {
        let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        for folder in [place, temporary] {
            var name = Array("\(folder)/scratch-XXXXXX".utf8CString)
            if let made = mkdtemp(&name) {
                path = String(cString: made)
                return
            }
        }
        throw BatchError(
            .file, "no folder for temporary files can be made in \(place) or \(temporary)",
            hint: "name one that can be written: TMPDIR=DIR batchmgr …")
    }

    deinit {
        for name in (try? FolderText.names(in: path)) ?? [] where name != "." && name != ".." {
            unlink("\(path)/\(name)")
        }
        rmdir(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

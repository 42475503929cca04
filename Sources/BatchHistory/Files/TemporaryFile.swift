internal import BatchCore
internal import Glibc

/// A file that disappears unless it is published.
final class TemporaryFile {
    let file: File
    private var isPublished = false

    init(_ path: String) throws(BatchError) { file = try File(creating: path, permissions: 0o444) }

    deinit { if !isPublished { unlink(file.path) } }

    func write(_ bytes: [UInt8], at offset: Int) throws(BatchError) {
        let written = bytes.withUnsafeBytes { bytes in
            Result { () throws(BatchError) in try file.write(bytes, at: offset) }
        }
        try written.get()
    }

    /// Gives the file its final name. The caller has synced it, and syncs the folder.
    func publish(_ path: String) throws(BatchError) {
        guard rename(file.path, path) == 0 else { throw FileFault.error("rename to", path) }
        isPublished = true
    }
}

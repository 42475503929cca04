internal import BatchCore
internal import Glibc

/// A file that appears under its name only when it is complete and durable.
struct ExportFile: ~Copyable {
    private let target: ExportPath
    private let folder: FileHandle
    private let file: FileHandle
    private let temporaryName: String
    private var isFinished = false

    init(_ target: ExportPath, in workspace: String) throws(BatchError) {
        let folder = try target.openFolder(in: workspace)
        let name = ".\(target.name.utf8.count > 200 ? "export" : target.name).\(getpid()).tmp"
        // A rest of a killed process that had our number.
        unlinkat(folder.number, name, 0)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let number = openat(folder.number, name, flags, 0o644)
        guard number >= 0 else { throw SystemFault.error(errno, doing: "make the file '\(target.path)'") }
        self.target = target
        self.folder = folder
        file = FileHandle(number: number)
        temporaryName = name
    }

    /// Nothing half-written stays behind.
    deinit {
        if !isFinished { unlinkat(folder.number, temporaryName, 0) }
    }

    func write(_ bytes: ArraySlice<UInt8>) throws(BatchError) {
        try file.write(bytes, doing: "write the file '\(target.path)'")
    }

    mutating func finish() throws(BatchError) {
        guard fsync(file.number) == 0 else { throw SystemFault.error(errno, doing: "write the file '\(target.path)'") }
        guard renameat(folder.number, temporaryName, folder.number, target.name) == 0 else {
            throw SystemFault.error(errno, doing: "name the file '\(target.path)'")
        }
        isFinished = true
        guard fsync(folder.number) == 0 else {
            throw SystemFault.error(errno, doing: "write the file '\(target.path)'")
        }
    }
}

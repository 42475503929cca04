internal import BatchCore
internal import BatchSystem

/// A file that appears under its name only when it is complete and durable.
struct ExportFile: ~Copyable {
    private let target: ExportPath
    private let folder: OpenFolder
    private let file: File
    private let temporaryName: String
    private var isFinished = false

    init(_ target: ExportPath, in workspace: String) throws(BatchError) {
        let folder = try target.openFolder(in: workspace)
        let name = folder.temporaryName(for: ".\(target.name.utf8.count > 200 ? "export" : target.name)")
        let file = try folder.create(name, for: target.path)
        self.target = target
        self.folder = folder
        self.file = file
        temporaryName = name
    }

    /// Nothing half-written stays behind.
    deinit {
        if !isFinished { folder.remove(temporaryName) }
    }

    func write(_ bytes: ArraySlice<UInt8>) throws(BatchError) {
        try file.write(bytes)
    }

    mutating func finish() throws(BatchError) {
        try file.sync()
        try folder.rename(temporaryName, to: target.name, for: target.path)
        isFinished = true
    }
}

public import BatchCore
public import BatchLedger
internal import BatchSystem

/// The one way by which rows leave as a file: rendered, neutralised, hashed, durable.
public struct Export: Sendable {
    private let target: Path
    private let workspace: String
    private let format: ExportFormat

    /// Bytes collected before they are hashed and written.
    private static let bufferSize = 1 << 18

    /// - Parameters:
    ///   - path: relative to the workspace; missing folders are made.
    ///   - workspace: the workspace's folder.
    /// - Throws: `ERR_UX_INVALID_PARAMETER` when the path leaves the workspace or its ending is not the format's.
    public init(to path: String, in workspace: String, format: ExportFormat) throws(BatchError) {
        target = try Path(path, format: format)
        self.workspace = workspace
        self.format = format
    }

    /// Writes all rows, with memory for one buffer. An earlier file of the name is replaced when the new one is
    /// complete.
    /// - Parameters:
    ///   - stop: asked once per buffer; true ends the export without a file.
    ///   - progress: told once per buffer how many rows are written.
    /// - Throws: what a row's query throws, `ERR_INTEGRATION_FILE`, `ERR_INTEGRATION_READ_ONLY`, `ERR_PERF_DISK_FULL`,
    ///   `ERR_PERF_STOPPED`; then the earlier file is still there.
    public func write(
        _ rows: ExportRows, hash: Hash, stop: () -> Bool = { false }, progress: (Int) -> Void = { _ in }
    ) throws(BatchError) -> Written {
        var file = try Output(target, in: workspace)
        var renderer = format.renderer(columns: rows.columns, title: target.name)
        var buffer: [UInt8] = []
        buffer.reserveCapacity(Export.bufferSize + 4_096)
        var count = 0
        var bytes = 0
        renderer.begin(into: &buffer)
        while let row = try rows.next() {
            renderer.row(row, into: &buffer)
            count += 1
            guard buffer.count >= Export.bufferSize else { continue }
            try flush(&buffer, to: file, hash, &bytes)
            progress(count)
            if stop() { throw stopped }
        }
        renderer.end(into: &buffer)
        try flush(&buffer, to: file, hash, &bytes)
        try file.finish()
        return Written(
            path: target.path, format: format, rows: count, bytes: bytes, sha256: Hex.string(hash.finish()))
    }

    private func flush(
        _ buffer: inout [UInt8], to file: borrowing Output, _ hash: Hash, _ bytes: inout Int
    ) throws(BatchError) {
        hash.update(buffer[...])
        try file.write(buffer[...])
        bytes += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    private var stopped: BatchError {
        BatchError(
            .stopped, "the export '\(target.path)' was stopped, as asked",
            hint: "continue it: \(command: "resume --id BATCH")")
    }

    /// A running SHA-256, handed in by whoever registers the export.
    public struct Hash {
        let update: (ArraySlice<UInt8>) -> Void
        let finish: () -> [UInt8]

        /// - Parameters:
        ///   - update: adds bytes.
        ///   - finish: the 32 bytes of the hash; called once, last.
        public init(update: @escaping (ArraySlice<UInt8>) -> Void, finish: @escaping () -> [UInt8]) {
            self.update = update
            self.finish = finish
        }
    }

    /// A finished export, as it is registered in the ledger.
    public struct Written: Sendable, Equatable {
        /// Relative to the workspace.
        public let path: String
        public let format: ExportFormat
        public let rows: Int
        public let bytes: Int
        /// 64 hexadecimal digits.
        public let sha256: String
    }

    /// A file that appears under its name only when it is complete and durable.
    struct Output: ~Copyable {
        private let target: Path
        private let folder: OpenFolder
        private let file: File
        private let temporaryName: String
        private let made: MadeFolders
        private var isFinished = false

        init(_ target: Path, in workspace: String) throws(BatchError) {
            let made = MadeFolders()
            do throws(BatchError) {
                let folder = try target.openFolder(in: workspace, noting: made)
                let name = folder.temporaryName(for: ".\(target.name.utf8.count > 200 ? "export" : target.name)")
                file = try folder.create(name, for: target.path)
                self.folder = folder
                temporaryName = name
            } catch {
                made.removeEmpty()
                throw error
            }
            self.target = target
            self.made = made
        }

        /// Nothing half-written stays behind, and no folder that was made for it.
        deinit {
            if !isFinished {
                folder.remove(temporaryName)
                made.removeEmpty()
            }
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
}

extension Export {
    /// A path inside the workspace, walked folder by folder through open folders: no part of it can lead elsewhere,
    /// not even when a symbolic link is put there meanwhile.
    struct Path {
        let path: String
        private let folders: [String]
        let name: String

        /// - Throws: `ERR_UX_INVALID_PARAMETER` for an empty or absolute path, one with `..`, or a name that is not of
        ///   the format.
        init(_ path: String, format: ExportFormat) throws(BatchError) {
            let parts = path.pathNames.filter {
                $0 != "."
            }
            guard !path.isAbsolutePath, !path.endsInSlash, !path.utf8.contains(0), !parts.contains(".."),
                let name = parts.last
            else { throw Path.outside(path) }
            let ending = name.split(separator: ".", omittingEmptySubsequences: false).last.map { $0.lowercased() } ?? ""
            guard format.extensions.contains(ending), name.utf8.count > ending.utf8.count + 1 else {
                throw BatchError(
                    .invalidParameter,
                    "the export path '\(PlainText.oneLine(path))' does not end in .\(format.extensions[0])",
                    hint:
                        "name the file NAME.\(format.extensions[0]), so that an export cannot replace another kind of file"
                )
            }
            self.path = parts.joined(separator: "/")
            self.name = name
            folders = Array(parts.dropLast())
        }

        /// The folder of the file, made when it is missing.
        func openFolder(in workspace: String, noting made: MadeFolders) throws(BatchError) -> OpenFolder {
            var folder = try OpenFolder(workspace)
            for part in folders {
                do throws(SystemError) {
                    folder = try folder.folder(part, noting: made)
                } catch {
                    throw error.isLink ? Path.outside(path) : error.error("open folder '\(part)' of '\(path)'")
                }
            }
            return folder
        }

        private static func outside(_ path: String) -> BatchError {
            BatchError(
                .invalidParameter,
                "the export path '\(PlainText.oneLine(path))' is not a file inside the workspace, below real folders",
                hint: "give a relative path without '..' and without symbolic links, e.g. exports/report.csv")
        }
    }
}

/// What an export is made of: names of columns, and rows one at a time.
public struct ExportRows {
    public let columns: [String]
    /// The next row, as long as `columns`; nil at the end.
    public let next: () throws(BatchError) -> [SQLValue]?

    public init(columns: [String], next: @escaping () throws(BatchError) -> [SQLValue]?) {
        self.columns = columns
        self.next = next
    }

    /// The rest of a query's rows.
    public init(_ statement: Statement) {
        columns = (0..<statement.columnCount).map { statement.columnName($0) }
        next = { () throws(BatchError) in try statement.step() ? statement.values : nil }
    }
}

public import BatchCore

/// The one way by which rows leave as a file: rendered, neutralised, hashed, durable.
public struct Export: Sendable {
    private let target: ExportPath
    private let workspace: String
    private let format: ExportFormat

    /// Bytes collected before they are hashed and written.
    private static let bufferSize = 1 << 18

    /// - Parameters:
    ///   - path: relative to the workspace; missing folders are made.
    ///   - workspace: the workspace's folder.
    /// - Throws: `ERR_UX_INVALID_PARAMETER` when the path leaves the workspace or its ending is not the format's.
    public init(to path: String, in workspace: String, format: ExportFormat) throws(BatchError) {
        target = try ExportPath(path, format: format)
        self.workspace = workspace
        self.format = format
    }

    /// Writes all rows, with memory for one buffer. An earlier file of the name is replaced when the new one is complete.
    /// - Parameters:
    ///   - stop: asked once per buffer; true ends the export without a file.
    /// - Throws: what a row's query throws, `ERR_INTEGRATION_FILE`, `ERR_INTEGRATION_READ_ONLY`, `ERR_PERF_DISK_FULL`,
    ///   `ERR_PERF_STOPPED`; then the earlier file is still there.
    public func write(
        _ rows: ExportRows, hash: ExportHash, stop: () -> Bool = { false }
    ) throws(BatchError) -> ExportedFile {
        var file = try ExportFile(target, in: workspace)
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
            if stop() { throw stopped }
        }
        renderer.end(into: &buffer)
        try flush(&buffer, to: file, hash, &bytes)
        try file.finish()
        return ExportedFile(
            path: target.path, format: format, rows: count, bytes: bytes, sha256: Hex.string(hash.finish()))
    }

    private func flush(
        _ buffer: inout [UInt8], to file: borrowing ExportFile, _ hash: ExportHash, _ bytes: inout Int
    ) throws(BatchError) {
        hash.update(buffer[...])
        try file.write(buffer[...])
        bytes += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    private var stopped: BatchError {
        BatchError(
            .stopped, "the export '\(target.path)' was ended because a stop was asked for",
            hint: "go on with: \(command: "resume --id BATCH")")
    }
}

public import BatchCore
internal import BatchLedger
internal import CZstd

/// Writes what a batch changed into a `.bak`.
struct BakWriter {
    let file: Connection
    let source: Connection

    /// - Parameters:
    ///   - before: the state that the changes lead from.
    ///   - after: the state that `source` shows now.
    func write(
        _ changes: any ChangeSource, from before: DatabaseState, to after: DatabaseState
    ) throws(BatchError) {
        var isReversible = true
        var done: Set<String> = []
        for table in changes.tables {
            done.formUnion([table.before?.name, table.after?.name].compactMap(\.self))
            if table.isReadWhole || table.isStatistics {
                isReversible = false
                if let layout = table.after { try writeRows(of: layout) }
            } else {
                try writeChanges(of: table, changes)
            }
        }
        if try writeUnreported(except: done, before, after) { isReversible = false }
        try changes.forEachUndoBlock { (block) throws(BatchError) in
            var buffer = ByteBuffer(capacity: max(16, block.bytes.count))
            buffer.append(contentsOf: block.bytes)
            try BakBlock.write(buffer, name: UndoBlockName.text(block), kind: UndoBlockName.kind, into: file)
        }
        try BakWriter.write(after, kind: "after", into: file)
        try BakManifest.set("after", after.digest.combined.description, in: file)
        try BakManifest.set("reversible", isReversible ? "yes" : "no", in: file)
    }

    /// Settings, schema and digests.
    static func write(_ state: DatabaseState, kind: String, into file: Connection) throws(BatchError) {
        let manifest = PointManifest(state: state, tenantColumn: nil)
        for (part, text) in [("manifest", manifest.text), ("schema", manifest.schemaText)] {
            var buffer = ByteBuffer()
            buffer.append(contentsOf: Array(text.utf8))
            try BakBlock.write(buffer, name: part, kind: kind, into: file)
        }
    }

    private func writeChanges(of table: ChangedTable, _ changes: any ChangeSource) throws(BatchError) {
        var block = EncodedPieces(capacity: BakBlock.largest)
        // An undo cannot look up the rest of such a row: SQLite changes it by itself.
        let isSystem = (table.after ?? table.before)?.role == .system
        try changes.forEachChange(of: table) { change throws(BatchError) in
            BakRecord(change, isWhole: isSystem)?.encode(into: &block)
            if block.count >= BakBlock.largest {
                try BakBlock.write(block, name: table.name, kind: "changes", into: file)
                block.removeAll()
            }
        }
        if block.count > 0 { try BakBlock.write(block, name: table.name, kind: "changes", into: file) }
    }

    /// All rows of a table: the rowid, or nothing, and the stored columns. An empty table has one empty block.
    private func writeRows(of layout: TableLayout) throws(BatchError) {
        try source.withVisibleRowid(of: layout) { visible throws(BatchError) in
            let reader = try RowReader(visible, on: source, where: visible.userRows(source.ledgerNames))
            var block = ByteBuffer(capacity: BakBlock.largest)
            var row = ByteBuffer()
            var count: Int64 = 0
            while true {
                row.removeAll()
                count += 1
                // A rowid that cannot be read is counted.
                if visible.key == .rowid(alias: nil) { RowCodec.encode(.integer(count), into: &row) }
                guard try reader.nextEncoded(into: &row) else { break }
                if let start = row.bytes.baseAddress { block.append(start, count: row.count) }
                if block.count < BakBlock.largest { continue }
                try BakBlock.write(block, name: layout.name, kind: "rows", into: file)
                block.removeAll()
            }
            try BakBlock.write(block, name: layout.name, kind: "rows", into: file)
        }
    }

    /// SQLite reports no changes of `sqlite_sequence` and the statistics tables; they are small. True when there were any.
    private func writeUnreported(
        except done: Set<String>, _ before: DatabaseState, _ after: DatabaseState
    ) throws(BatchError) -> Bool {
        let old = before.digest.tables
        let new = after.digest.tables
        var changed = Set(new.keys).filter { old[$0] != new[$0] && !done.contains($0) }
        let isChanged = !changed.isEmpty
        for layout in try SchemaReader(source).tables() where changed.remove(layout.name) != nil {
            try writeRows(of: layout)
        }
        return isChanged
    }
}

/// Compressed, checksummed pieces of data inside a `.bak`.
enum BakBlock {
    /// Bytes before compression at which a block is full.
    static let largest = 256 << 10
    /// Bytes at which a block is no longer compressed in memory.
    private static let large = 4 << 20
    private static let level: Int32 = 4
    /// A block with one huge row may be larger; this bounds what a damaged size can ask for.
    private static let most = 2 << 30

    static func write(
        _ content: EncodedPieces, name: String, kind: String, into connection: Connection
    ) throws(BatchError) {
        if content.holdsLongValues {
            try writeLarge(content, name: name, kind: kind, into: connection)
        } else {
            try write(content.buffer, name: name, kind: kind, into: connection)
        }
    }

    static func write(
        _ content: ByteBuffer, name: String, kind: String, into connection: Connection
    ) throws(BatchError) {
        if content.count >= large {
            var pieces = EncodedPieces()
            pieces.buffer = content
            return try writeLarge(pieces, name: name, kind: kind, into: connection)
        }
        try connection.run(
            "INSERT INTO main.batchmgr_bak_block(name, kind, size, checksum, data) VALUES (?, ?, ?, ?, ?)",
            [
                .string(name), .string(kind), .integer(Int64(content.count)), .string(content.digest().description),
                .blob(try compress(content.bytes)),
            ])
    }

    /// A block of a huge row: what is compressed never is in memory as a whole. It is compressed twice, because SQLite
    /// wants to know its size first.
    private static func writeLarge(
        _ content: EncodedPieces, name: String, kind: String, into connection: Connection
    ) throws(BatchError) {
        var size: Int64 = 0
        try compress(content) { (piece) throws(BatchError) in size += Int64(piece.count) }
        try connection.run(
            "INSERT INTO main.batchmgr_bak_block(name, kind, size, checksum, data) VALUES (?, ?, ?, ?, zeroblob(?))",
            [
                .string(name), .string(kind), .integer(Int64(content.count)), .string(content.digest().description),
                .integer(size),
            ])
        let value = try LargeValue(
            in: connection, table: "batchmgr_bak_block", column: "data", row: connection.lastInsertRowID)
        try compress(content) { (piece) throws(BatchError) in try value.append(piece) }
    }

    private static func compress(
        _ content: EncodedPieces, _ body: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        let frame = FrameWriter(size: content.count, level: level)
        try content.forEachPiece { (piece) throws(BatchError) in try frame.append(piece, to: body) }
        try frame.finish(body)
    }

    private static var notCompressed: BatchError {
        BatchError(.internalFault, "a block cannot be compressed", hint: "\(command: "doctor")")
    }

    static func compress(_ bytes: UnsafeRawBufferPointer) throws(BatchError) -> [UInt8] {
        let bound = ZSTD_compressBound(bytes.count)
        var failed = false
        let compressed = [UInt8](unsafeUninitializedCapacity: bound) { space, count in
            count = ZSTD_compress(space.baseAddress, bound, bytes.baseAddress, bytes.count, level)
            failed = ZSTD_isError(count) != 0
            if failed { count = 0 }
        }
        if failed { throw notCompressed }
        return compressed
    }

    /// Calls `body` with the content of every block of these names and kinds, in the order they were written.
    static func forEach(
        name: String, kind: String, in connection: Connection,
        _ body: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        let statement = try connection.prepare(
            "SELECT size, checksum, data FROM main.batchmgr_bak_block WHERE name = ? AND kind = ? ORDER BY id")
        try statement.bind([.string(name), .string(kind)])
        while try statement.step() {
            let content = try expand(
                statement.value(2).bytes ?? [], size: Int(statement.value(0).integer ?? 0),
                checksum: statement.value(1).string ?? "", path: connection.path)
            try body(content.bytes)
        }
    }

    static func expand(
        _ data: [UInt8], size: Int, checksum: String, path: String
    ) throws(BatchError) -> ByteBuffer {
        let said = data.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        guard size >= 0, size <= most, said == UInt64(size) else {
            throw BakFault.damaged(path, "a block has an impossible size")
        }
        let content = [UInt8](unsafeUninitializedCapacity: size) { space, count in
            let expanded = ZSTD_decompress(space.baseAddress, size, data, data.count)
            count = ZSTD_isError(expanded) != 0 ? 0 : expanded
        }
        var buffer = ByteBuffer(capacity: max(16, content.count))
        buffer.append(contentsOf: content)
        guard content.count == size, buffer.digest().description == checksum else {
            throw BakFault.damaged(path, "a block does not have its checksum")
        }
        return buffer
    }
}

/// Zstandard for files of their own.
public enum CompressedFile {
    /// One frame, that `zstd -d` reads.
    public static func bytes(of content: [UInt8]) throws(BatchError) -> [UInt8] {
        let result = content.withUnsafeBytes { bytes -> Result<[UInt8], BatchError> in
            do throws(BatchError) { return .success(try BakBlock.compress(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

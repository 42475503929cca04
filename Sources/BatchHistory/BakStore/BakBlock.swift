internal import BatchCore
internal import BatchLedger
internal import CZstd

/// Compressed, checksummed pieces of data inside a `.bak`.
enum BakBlock {
    /// Bytes before compression at which a block is full.
    static let largest = 256 << 10
    /// A block with one huge row may be larger; this bounds what a damaged size can ask for.
    private static let most = 4 << 30

    static func write(
        _ content: ByteBuffer, name: String, kind: String, into connection: Connection
    ) throws(BatchError) {
        try connection.run(
            "INSERT INTO batchmgr_bak_block(name, kind, size, checksum, data) VALUES (?, ?, ?, ?, ?)",
            [
                .string(name), .string(kind), .integer(Int64(content.count)), .string(content.digest().description),
                .blob(try compress(content.bytes)),
            ])
    }

    private static func compress(_ bytes: UnsafeRawBufferPointer) throws(BatchError) -> [UInt8] {
        let bound = ZSTD_compressBound(bytes.count)
        var failed = false
        let compressed = [UInt8](unsafeUninitializedCapacity: bound) { space, count in
            count = ZSTD_compress(space.baseAddress, bound, bytes.baseAddress, bytes.count, 4)
            failed = ZSTD_isError(count) != 0
            if failed { count = 0 }
        }
        if failed { throw BatchError(.internalFault, "a block cannot be compressed", hint: "batchmgr doctor") }
        return compressed
    }

    /// Calls `body` with the content of every block of these names and kinds, in the order they were written.
    static func forEach(
        name: String, kind: String, in connection: Connection,
        _ body: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        let statement = try connection.prepare(
            "SELECT size, checksum, data FROM batchmgr_bak_block WHERE name = ? AND kind = ? ORDER BY id")
        try statement.bind([.string(name), .string(kind)])
        while try statement.step() {
            let content = try expand(
                statement.value(2).bytes ?? [], size: Int(statement.value(0).integer ?? 0),
                checksum: statement.value(1).string ?? "", path: connection.path)
            try body(content.bytes)
        }
    }

    private static func expand(
        _ data: [UInt8], size: Int, checksum: String, path: String
    ) throws(BatchError) -> ByteBuffer {
        guard size >= 0, size <= most else { throw BakFault.damaged(path, "a block has an impossible size") }
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

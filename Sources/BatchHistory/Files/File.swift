internal import BatchCore
internal import CLinux
internal import Glibc

/// An open file, closed when it is released.
struct File: ~Copyable {
    let descriptor: Int32
    let path: String

    init(reading path: String) throws(BatchError) {
        try self.init(path, O_RDONLY)
    }

    /// A new file; an old one of the same name is emptied.
    init(creating path: String, permissions: mode_t = 0o644) throws(BatchError) {
        try self.init(path, O_RDWR | O_CREAT | O_TRUNC, permissions)
    }

    private init(_ path: String, _ flags: Int32, _ permissions: mode_t = 0) throws(BatchError) {
        descriptor = open(path, flags | O_CLOEXEC, permissions)
        self.path = path
        if descriptor < 0 { throw FileFault.error("open", path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileFault.error("write", path) }
            done += count
        }
    }

    func write(_ bytes: [UInt8]) throws(BatchError) {
        let failure: BatchError? = bytes.withUnsafeBytes { buffer in
            do throws(BatchError) {
                try write(buffer)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(BatchError) {
        guard pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) == bytes.count else {
            throw FileFault.error("write", path)
        }
    }

    /// Durable on disk when it returns.
    func sync() throws(BatchError) {
        guard fsync(descriptor) == 0 else { throw FileFault.error("sync", path) }
    }

    func size() throws(BatchError) -> Int64 {
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw FileFault.error("read", path) }
        return Int64(end)
    }

    /// The first bytes of the file.
    func contents(atMost limit: Int) throws(BatchError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = pread(descriptor, &bytes, limit, 0)
        guard count >= 0 else { throw FileFault.error("read", path) }
        return Array(bytes.prefix(count))
    }

    /// Reads from there to the end, in pieces that stay in the cache of the processor: a hash of them takes two thirds
    /// of the time that it takes with pieces of a megabyte.
    func forEachPiece(
        from start: Int = 0, _ body: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { piece.deallocate() }
        var offset = start
        while true {
            let count = pread(descriptor, piece.baseAddress, piece.count, off_t(offset))
            guard count >= 0 else { throw FileFault.error("read", path) }
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            offset += count
        }
    }

    /// Copies a file inside the kernel, as cp does, where the file system can.
    static func copy(_ from: String, to path: String) throws(BatchError) {
        let source = try File(reading: from)
        let copy = try File(creating: path)
        let size = try source.size()
        var offset: Int64 = 0
        while offset < size {
            var (position, target) = (off_t(offset), off_t(offset))
            let count = copy_file_range(
                source.descriptor, &position, copy.descriptor, &target, UInt(size - offset), 0)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            offset += Int64(count)
        }
        if offset == size { return }
        try source.forEachPiece(from: Int(offset)) { piece throws(BatchError) in
            try copy.write(piece, at: Int(offset))
            offset += Int64(piece.count)
        }
    }
}

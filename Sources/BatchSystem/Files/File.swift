public import BatchCore
internal import CLinux
internal import Glibc

/// An open file, closed when it is released. No child inherits it.
public struct File: ~Copyable, Sendable {
    public let descriptor: Int32
    /// For messages.
    public let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// A file that is there. What is no file (a pipe, a device) is refused, and not waited for.
    public init(reading path: String) throws(BatchError) {
        // Without O_NONBLOCK a pipe that nobody writes to would hold us up; for a file it means nothing.
        let file = File(descriptor: try File.open(path, O_RDONLY | O_NONBLOCK, "read"), path: path)
        try file.requireFile()
        self = file
    }

    private func requireFile() throws(BatchError) {
        if status.isFile { return }
        throw BatchError(.file, "\(path) is not a file", hint: "give the path of a file")
    }

    /// Also a pipe, which is read to its end.
    public init(readingAny path: String) throws(BatchError) {
        self.init(descriptor: try File.open(path, O_RDONLY, "read"), path: path)
    }

    /// A new file: nothing of this name may be there, not even a link that leads nowhere.
    public init(creating path: String, permissions: UInt32 = 0o666) throws(BatchError) {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
        self.init(descriptor: try File.open(path, flags, "create", permissions), path: path)
    }

    /// A file that each write makes longer; it is made when it is missing. What is no file is refused here too.
    public init(appendingTo path: String) throws(BatchError) {
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK
        let file = File(descriptor: try File.open(path, flags, "write"), path: path)
        try file.requireFile()
        self = file
    }

    /// A folder, to lock it or to make its names durable.
    public init(folder path: String) throws(BatchError) {
        self.init(descriptor: try File.open(path, O_RDONLY | O_DIRECTORY, "open folder"), path: path)
    }

    /// A file without a name in a folder: it is gone with the process.
    public init(withoutNameIn folder: String) throws(BatchError) {
        do throws(SystemError) {
            let number = try SystemCall.attempt(.open) { clinux_open_unnamed(folder, 0o600) }
            self.init(descriptor: number, path: folder)
        } catch {
            // Not every file system can; a name that lives for a moment is as good.
            let name = TemporaryName.beside(folder + "/.batchmgr")
            let file = try File(creating: name, permissions: 0o600)
            unlink(name)
            self = file
        }
    }

    /// A file in memory, to be read from its start.
    static func memory(holding bytes: [UInt8]) throws(BatchError) -> File {
        let number = try SystemCall.run(.other, "make a file in memory") {
            memfd_create("batchmgr-input", clinux_mfd_cloexec)
        }
        let file = File(descriptor: number, path: "a file in memory")
        try file.write(bytes)
        lseek(number, 0, SEEK_SET)
        return file
    }

    private static func open(
        _ path: String, _ flags: Int32, _ doing: String, _ permissions: UInt32 = 0o666
    ) throws(BatchError) -> Int32 {
        try SystemCall.run(.open, "\(doing) \(path)", file: path) { Glibc.open(path, flags | O_CLOEXEC, permissions) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    // MARK: Contents

    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int? = nil) throws(BatchError) {
        do throws(SystemError) {
            try SystemCall.write(descriptor, bytes, at: offset)
        } catch {
            throw error.error("write \(path)", file: path)
        }
    }

    public func write(_ bytes: [UInt8], at offset: Int? = nil) throws(BatchError) {
        try write(bytes[...], at: offset)
    }

    public func write(_ bytes: ArraySlice<UInt8>, at offset: Int? = nil) throws(BatchError) {
        // A typed error does not pass through `withUnsafeBytes`.
        let written = bytes.withUnsafeBytes { bytes in
            Result { () throws(BatchError) in try write(bytes, at: offset) }
        }
        try written.get()
    }

    /// Cuts the file, or makes it longer by zeroes.
    public func truncate(to size: Int) throws(BatchError) {
        try SystemCall.run(.truncate, "write \(path)", file: path) { ftruncate(descriptor, off_t(size)) }
    }

    /// Durable on disk when it returns.
    public func sync() throws(BatchError) {
        try SystemCall.run(.sync, "sync \(path)", file: path) { fsync(descriptor) }
    }

    public func size() throws(BatchError) -> Int64 {
        Int64(try SystemCall.run(.other, "read \(path)", file: path) { lseek(descriptor, 0, SEEK_END) })
    }

    /// The whole file, or what is left of a pipe.
    /// - Parameter limit: in bytes; a longer file is an error, never cut.
    public func contents(atMost limit: Int) throws(BatchError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = min(limit + 1, max(4_096, Int(status.size) + 1))
        while true {
            let more = try read(piece)
            bytes += more
            guard bytes.count <= limit else {
                throw BatchError(
                    .file, "\(path) is larger than \(limit / 1_024) KiB", hint: "check that it is the right file")
            }
            if more.count < piece { return bytes }
            piece = 1 << 16
        }
    }

    /// So many bytes from a place on; fewer are an error.
    public func read(_ count: Int, at offset: Int) throws(BatchError) -> [UInt8] {
        let bytes = try read(count, from: offset)
        guard bytes.count == count else { throw SystemError(code: EIO).error("read \(path)") }
        return bytes
    }

    /// So many bytes from where the file stands; fewer at its end.
    public func read(_ count: Int) throws(BatchError) -> [UInt8] { try read(count, from: nil) }

    private func read(_ count: Int, from offset: Int?) throws(BatchError) -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            do throws(SystemError) {
                length = try SystemCall.read(descriptor, UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure.error("read \(path)") }
        return bytes
    }

    /// What there is now, without waiting for more; empty at the end.
    public func readSome(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        (try? SystemCall.attempt(.read) { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }) ?? 0
    }

    /// Fills the buffer from a place on.
    /// - Returns: how many bytes there are, fewer at the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(BatchError) -> Int {
        do throws(SystemError) {
            return try SystemCall.read(descriptor, buffer, at: offset)
        } catch {
            throw error.error("read \(path)", file: path)
        }
    }

    /// Reads from there to the end, in pieces that stay in the cache of the processor: a hash of them takes two thirds
    /// of the time that it takes with pieces of a megabyte.
    public func forEachPiece(
        from start: Int = 0, _ body: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { piece.deallocate() }
        var offset = start
        while true {
            let count = try read(into: piece, at: offset)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            offset += count
        }
    }

    /// Writes all of another file, inside the kernel where the file system can.
    public func copy(of path: String) throws(BatchError) {
        let source = try File(reading: path)
        let size = try source.size()
        var offset: Int64 = 0
        while offset < size {
            let copied = try? SystemCall.attempt(.write) {
                var (position, target) = (off_t(offset), off_t(offset))
                return copy_file_range(
                    source.descriptor, &position, descriptor, &target, UInt(size - offset), 0)
            }
            guard let copied, copied > 0 else { break }
            offset += Int64(copied)
        }
        if offset == size { return }
        try source.forEachPiece(from: Int(offset)) { piece throws(BatchError) in
            try write(piece, at: Int(offset))
            offset += Int64(piece.count)
        }
    }

    // MARK: Locks and facts

    /// Takes the lock of the file for as long as it is open; other processes see it in every container.
    /// - Returns: false when somebody else has it.
    public func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    public var status: FileStatus { FileStatus(descriptor: descriptor) ?? .none }
}

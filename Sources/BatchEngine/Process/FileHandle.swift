internal import BatchCore
internal import CLinux
internal import Glibc

/// An open file, closed when it is released. Never inherited by a child.
struct FileHandle: ~Copyable {
    let number: Int32

    deinit { close(number) }

    /// A file without a name, to be read from its start.
    static func memory(holding bytes: [UInt8]) throws(BatchError) -> FileHandle {
        let number = memfd_create("batchmgr-input", clinux_mfd_cloexec)
        guard number >= 0 else { throw SystemFault.error(errno, doing: "make a file in memory") }
        let file = FileHandle(number: number)
        try file.write(bytes[...], doing: "write a file in memory")
        lseek(number, 0, SEEK_SET)
        return file
    }

    /// Writes all of it.
    func write(_ bytes: ArraySlice<UInt8>, doing what: String) throws(BatchError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SystemFault.error(count == 0 ? EIO : errno, doing: what) }
            rest = rest.dropFirst(count)
        }
    }
}

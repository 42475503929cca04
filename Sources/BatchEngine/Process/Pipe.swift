internal import BatchCore
internal import CLinux
internal import Glibc

/// Two ends of a pipe, neither inherited by a child unless it is given one.
struct Pipe: ~Copyable {
    let reading: FileHandle
    let writing: FileHandle

    init() throws(BatchError) {
        var ends: [Int32] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemFault.error(errno, doing: "make a pipe") }
        reading = FileHandle(number: ends[0])
        writing = FileHandle(number: ends[1])
    }
}

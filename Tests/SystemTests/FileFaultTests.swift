import BatchCore
import BatchSystem
import Glibc
import TestSupport
import Testing

/// Calls that the kernel cuts short, interrupts or refuses, by count.
@Suite struct FileFaultTests {
    let folder = TemporaryFolder()
    let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }

    @Test("An interrupted call is made again", arguments: [SystemCall.Kind.open, .write, .sync, .rename])
    func interrupted(kind: SystemCall.Kind) throws {
        let faults = InjectedFaults([kind: [1: .code(EINTR), 2: .code(EINTR)]])
        try faults.during { try DurableFile.write(bytes, to: folder.file("a")) }
        #expect(try DurableFile.read(folder.file("a")) == bytes)
        #expect(faults.count(of: kind) >= 3)
    }

    @Test("A short write or read is gone on with")
    func short() throws {
        let faults = InjectedFaults([
            .write: [1: .short(1), 2: .short(70_000), 3: .code(EINTR)], .read: [1: .short(3), 2: .short(1)],
        ])
        try faults.during {
            try DurableFile.write(bytes, to: folder.file("a"))
            #expect(try DurableFile.read(folder.file("a")) == bytes)
        }
        #expect(faults.count(of: .write) == 4)
    }

    @Test("A disk that fills half-way is reported as full, and nothing is left")
    func full() throws {
        let faults = InjectedFaults([.write: [1: .short(1_000), 2: .code(ENOSPC)]])
        let error = #expect(throws: BatchError.self) {
            try faults.during { try DurableFile.write(bytes, to: folder.file("a")) }
        }
        #expect(error?.code == .diskFull)
        #expect(try Folder.names(in: folder.path).isEmpty)
    }

    @Test(
        "Each reason has its code",
        arguments: [
            (ENOSPC, ErrorCode.diskFull), (EDQUOT, .diskFull), (EFBIG, .limitOfMachine), (EMFILE, .limitOfMachine),
            (ENFILE, .limitOfMachine), (ENOMEM, .limitOfMachine), (EACCES, .readOnly), (EROFS, .readOnly),
            (ENOENT, .fileMissing), (EIO, .file),
        ])
    func reasons(code: Int32, expected: ErrorCode) {
        let faults = InjectedFaults([.open: [1: .code(code)]])
        let error = #expect(throws: BatchError.self) {
            try faults.during { try DurableFile.write(bytes, to: folder.file("a")) }
        }
        #expect(error?.code == expected)
    }

    @Test(
        "Whatever call of a write fails, the old content or the new one is there, and nothing else",
        arguments: [SystemCall.Kind.open, .write, .sync, .rename])
    func replaced(kind: SystemCall.Kind) throws {
        let path = folder.file("a")
        try DurableFile.write([1, 2, 3], to: path)
        var number = 1
        while true {
            let faults = InjectedFaults([kind: [number: .code(EIO)]])
            let isDone = (try? faults.during { try DurableFile.write(bytes, to: path) }) != nil
            #expect([[1, 2, 3], bytes].contains(try DurableFile.read(path)))
            #expect(try Folder.names(in: folder.path) == ["a"])
            if isDone { break }
            number += 1
        }
        #expect(number > 1)
    }

    @Test("A file that must be new is never replaced")
    func new() throws {
        try DurableFile.create([1], as: folder.file("a"))
        let error = #expect(throws: BatchError.self) { try DurableFile.create([2], as: folder.file("a")) }
        #expect(error?.code == .fileExists)
        #expect(try DurableFile.read(folder.file("a")) == [1])
        #expect(try Folder.names(in: folder.path) == ["a"])
    }

    @Test("A pipe in place of a file is refused at once")
    func pipe() throws {
        #expect(mkfifo(folder.file("p"), 0o600) == 0)
        let error = #expect(throws: BatchError.self) { try DurableFile.read(folder.file("p")) }
        #expect(error?.code == .file)
        #expect(throws: BatchError.self) { _ = try File(appendingTo: folder.file("p")) }
        let reader = open(folder.file("p"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let other = #expect(throws: BatchError.self) { _ = try File(appendingTo: folder.file("p")) }
        #expect(other?.code == .file)
    }
}

/// What killed processes leave.
@Suite struct LeftoverTests {
    let folder = TemporaryFolder()

    @Test("An unfinished file is removed when its writer is gone, and not before")
    func unfinished() throws {
        let file = try TemporaryFile(for: folder.file("a.bak"))
        AbandonedFiles.sweep(folder.path)
        #expect(Folder.exists(file.path))
        let left = folder.file("b.bak.0123456789abcdef.tmp")
        for ending in ["", "-journal", "-wal"] { try File(creating: left + ending).write([1]) }
        try File(creating: folder.file("c.tmp")).write([1])
        try File(creating: folder.file("d.bak.123.tmp")).write([1])
        AbandonedFiles.sweep(folder.path)
        withExtendedLifetime(file) {}
        #expect(try Folder.names(in: folder.path) == [FilePath.name(file.path), "c.tmp"].sorted())
    }

    @Test("A scratch folder is removed when its owner is gone, and not before")
    func scratch() throws {
        let mine = try ScratchFolder(in: folder.path)
        try Folder.create(folder.file("batchmgr-scratch-abcdef/in"))
        try File(creating: folder.file("batchmgr-scratch-abcdef/in/x")).write([1])
        let other = try ScratchFolder(in: folder.path)
        #expect(try Folder.names(in: folder.path) == [mine, other].map { FilePath.name($0.path) }.sorted())
    }
}

@Suite struct BackgroundTaskTests {
    @Test("All items are done, and the first failure is told")
    func concurrently() throws {
        let folder = TemporaryFolder()
        let paths = (0..<20).map { folder.file("\($0)") }
        try Concurrently.forEach(paths) { (path) throws(BatchError) in try DurableFile.write([1], to: path) }
        #expect(try Folder.names(in: folder.path).count == 20)
        let error = #expect(throws: BatchError.self) {
            try Concurrently.forEach(paths) { (path) throws(BatchError) in try DurableFile.create([1], as: path) }
        }
        #expect(error?.code == .fileExists)
    }

    @Test("A task gives its value as often as it is asked")
    func value() throws {
        let task = BackgroundTask { () throws(BatchError) in 7 }
        #expect(try task.value() + task.value() == 14)
    }
}

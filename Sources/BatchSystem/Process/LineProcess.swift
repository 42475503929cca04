public import BatchCore
internal import CLinux
internal import Glibc

/// A child that is told lines and answers with lines, for as long as both like. It is killed with its owner.
///
/// Unchecked: one thread at a time uses it.
public final class LineProcess: @unchecked Sendable {
    private var process: ChildProcess
    private let input: File
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private var unread: [UInt8] = []
    private var words: [UInt8] = []
    private var ending: CommandOutcome.Ending?
    public private(set) var hasClosed = false

    /// - Throws: `ERR_INTEGRATION_COMMAND_FAILED` when it cannot be started.
    public init(_ program: CommandLineProgram) throws(BatchError) {
        let pipe = try ChildProcess.Pipe()
        process = try ChildProcess(program, reading: pipe.reading)
        input = pipe.takeWriting()
    }

    public var id: Int32 { process.id }

    /// - Throws: `ERR_INTEGRATION_FILE` when it has ended.
    public func send(_ line: String) throws(BatchError) { try input.write(Array((line + "\n").utf8)) }

    /// Complete lines that have come; reads without waiting.
    public func lines() -> [String] {
        while isReadable(process.output.descriptor) {
            let count = buffer.withUnsafeMutableBytes { process.output.readSome(into: $0) }
            if count == 0 {
                hasClosed = true
                break
            }
            unread += buffer[..<count]
        }
        while isReadable(process.errors.descriptor) {
            let count = buffer.withUnsafeMutableBytes { process.errors.readSome(into: $0) }
            if count == 0 { break }
            words = Array((words + buffer[..<count]).suffix(4_096))
        }
        var lines: [String] = []
        while let end = unread.firstIndex(of: 10) {
            lines.append(String(decoding: unread[..<end], as: UTF8.self))
            unread.removeSubrange(...end)
        }
        return lines
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return !hasClosed && poll(&entry, 1, 0) > 0
    }

    /// The last thing that it said on stderr.
    public var lastWords: String {
        String(decoding: words, as: UTF8.self).split { $0.isNewline }.last.map { PlainText.oneLine(String($0)) } ?? ""
    }

    /// Bytes of memory that it has now.
    public var residentSize: Int64 {
        guard let bytes = try? File(reading: "/proc/\(process.id)/statm").contents(atMost: 4_096) else { return 0 }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        return (fields.count > 1 ? Int64(fields[1]) ?? 0 : 0) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Kills it, with all that it has started in its group.
    @discardableResult
    public func end() -> CommandOutcome.Ending {
        if let ending { return ending }
        let how = process.reap()
        ending = how
        return how
    }

    /// Waits until one of them says something, or the time is over.
    public static func wait(for processes: [LineProcess], milliseconds: Int64) {
        var entries = processes.map { pollfd(fd: $0.process.output.descriptor, events: Int16(POLLIN), revents: 0) }
        poll(&entries, nfds_t(entries.count), Int32(clamping: milliseconds))
    }
}

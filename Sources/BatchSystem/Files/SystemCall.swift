public import BatchCore
internal import Glibc
internal import Synchronization

/// The one way to the kernel: a call that a signal interrupts is made again, and `errno` is taken once, before anything
/// else can change it.
public enum SystemCall {
    /// What is asked of the kernel; a test names the kinds that it lets fail.
    public enum Kind: Hashable, Sendable {
        case open, read, write, sync, rename, unlink, link, makeFolder, truncate, spawn, other
    }

    /// Calls until the call is not interrupted.
    /// - Parameter call: negative when it failed, with the reason in `errno`.
    @discardableResult
    static func attempt<Value: SignedInteger>(
        _ kind: Kind, _ call: () -> Value
    ) throws(SystemError) -> Value {
        while true {
            if let code = InjectedFaults.code(of: kind) {
                if code == EINTR { continue }
                throw SystemError(code: code)
            }
            let value = call()
            if value >= 0 { return value }
            let code = errno
            if code != EINTR { throw SystemError(code: code) }
        }
    }

    /// As `attempt`, with an error for people.
    /// - Parameter doing: the action and the thing's name, e.g. `write a.bak`.
    @discardableResult
    static func run<Value: SignedInteger>(
        _ kind: Kind, _ doing: @autoclosure () -> String, file: String? = nil, _ call: () -> Value
    ) throws(BatchError) -> Value {
        do throws(SystemError) {
            return try attempt(kind, call)
        } catch {
            throw error.error(doing(), file: file)
        }
    }

    /// Writes to the last byte: a short write is gone on with, so that the reason of the next one is known.
    static func write(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int? = nil
    ) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let length = InjectedFaults.length(of: .write, bytes.count - done)
            let start = bytes.baseAddress.map { $0 + done }
            let count = try attempt(.write) {
                if let offset { return pwrite(descriptor, start, length, off_t(offset + done)) }
                return Glibc.write(descriptor, start, length)
            }
            // Nothing written and no reason given: the device does not take more.
            if count == 0 { throw SystemError(code: EIO) }
            done += count
        }
    }

    /// Writes to the last byte.
    public static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        let written = bytes.withUnsafeBytes { bytes in
            Result { () throws(SystemError) in try write(descriptor, bytes) }
        }
        try written.get()
    }

    /// Reads until the buffer is full or the file ends.
    /// - Returns: how many bytes there were.
    static func read(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int? = nil
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let length = InjectedFaults.length(of: .read, buffer.count - done)
            let start = buffer.baseAddress.map { $0 + done }
            let count = try attempt(.read) {
                if let offset { return pread(descriptor, start, length, off_t(offset + done)) }
                return Glibc.read(descriptor, start, length)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }
}

/// Why the kernel did not do something.
public struct SystemError: Error, Equatable, Sendable {
    /// As in `errno`.
    public let code: Int32

    public init(code: Int32) { self.code = code }

    public var text: String { String(cString: strerror(code)) }

    public static let outOfMemory = SystemError(code: ENOMEM)
    public static let fileTooLarge = SystemError(code: EFBIG)

    /// Whether this process may write files only up to some size (`ulimit -f`).
    public static var hasLimitOfFileSize: Bool {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 && limit.rlim_cur < rlim_t.max
    }

    /// The machine, or the limits of this process, lack something: that says nothing about a file.
    public var isShortage: Bool {
        [ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE, ENOMEM, EAGAIN].contains(code)
    }

    /// The reader of a pipe has gone away.
    public var isClosedPipe: Bool { code == EPIPE }

    public var isMissing: Bool { code == ENOENT || code == ENOTDIR }

    /// What people read.
    /// - Parameters:
    ///   - doing: the action and the thing's name, e.g. `write a.bak`.
    ///   - file: what it is about.
    public func error(_ doing: String, file: String? = nil) -> BatchError {
        let (kind, hint) = meaning
        let most = code == EFBIG ? " for the limit of this process" : ""
        return BatchError(
            kind, "\(doing): \(text)\(most)", hint: hint, cause: .system(errno: code),
            subject: file.map { .file($0) })
    }

    /// The one table from errno to codes.
    private var meaning: (ErrorCode, Hint) {
        switch code {
        case ENOSPC, EDQUOT: (.diskFull, "free some space, then: \(command: "doctor")")
        case EFBIG: (.limitOfMachine, "raise the limit, then try again: ulimit -f unlimited")
        case EMFILE, ENFILE: (.limitOfMachine, "raise the limit, then try again: ulimit -n 4096")
        case ENOMEM, EAGAIN: (.limitOfMachine, "see what takes memory and processes, then: \(command: "doctor")")
        case EROFS, EACCES, EPERM: (.readOnly, "get permission for it, then: \(command: "doctor")")
        case ENOENT, ENOTDIR: (.fileMissing, "check the path, then: \(command: "doctor")")
        case EEXIST: (.fileExists, "name another file, or move this one away")
        default: (.file, "check the disk and the path, then: \(command: "doctor")")
        }
    }
}

/// Failures that a test hands in, by count, for the calls of its own thread.
///
/// Outside of tests one look at a flag is all that a call costs.
public final class InjectedFaults: @unchecked Sendable {
    public enum Fault: Sendable {
        /// The call fails with this code; EINTR is an interruption, and the call is made again.
        case code(Int32)
        /// The call is made for so many bytes at most.
        case short(Int)
    }

    private static let active = Atomic<Int>(0)
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private var faults: [SystemCall.Kind: [Int: Fault]]
    private var counts: [SystemCall.Kind: Int] = [:]

    /// - Parameter faults: by kind, and by the number of the call of this kind, from 1.
    public init(_ faults: [SystemCall.Kind: [Int: Fault]]) { self.faults = faults }

    /// How many calls of a kind there were.
    public func count(of kind: SystemCall.Kind) -> Int { counts[kind] ?? 0 }

    /// Lets the calls fail that the body makes on this thread.
    public func during<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before = pthread_getspecific(InjectedFaults.key)
        pthread_setspecific(InjectedFaults.key, Unmanaged.passUnretained(self).toOpaque())
        InjectedFaults.active.add(1, ordering: .sequentiallyConsistent)
        defer {
            InjectedFaults.active.subtract(1, ordering: .sequentiallyConsistent)
            pthread_setspecific(InjectedFaults.key, before)
        }
        return try body()
    }

    private static var current: InjectedFaults? {
        guard active.load(ordering: .relaxed) > 0, let pointer = pthread_getspecific(key) else { return nil }
        return Unmanaged<InjectedFaults>.fromOpaque(pointer).takeUnretainedValue()
    }

    fileprivate static func code(of kind: SystemCall.Kind) -> Int32? {
        guard let current else { return nil }
        let number = (current.counts[kind] ?? 0) + 1
        current.counts[kind] = number
        guard case .code(let code)? = current.faults[kind]?[number] else { return nil }
        return code
    }

    /// Asked before the call that it is for is counted.
    fileprivate static func length(of kind: SystemCall.Kind, _ count: Int) -> Int {
        guard let current, case .short(let most)? = current.faults[kind]?[(current.counts[kind] ?? 0) + 1] else {
            return count
        }
        return min(count, most)
    }
}

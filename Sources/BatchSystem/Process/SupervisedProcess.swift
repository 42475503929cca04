public import BatchCore
internal import CLinux
internal import Glibc

/// A child that works beside its owner for as long as both like: it has our variables and our stderr, nothing on stdin,
/// and a process group of its own, so that a Ctrl-C at the terminal reaches it through its owner only.
public final class SupervisedProcess {
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    public let id: Int32
    private var ended: Ending?

    /// - Parameter arguments: the path of the program, then its arguments.
    /// - Throws: `ERR_INTEGRATION_COMMAND_FAILED` when it cannot be started.
    public init(_ arguments: [String]) throws(BatchError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        ChildProcess.setPlainSignals(&attributes, ownGroup: true)
        let path = arguments.first ?? ""
        var child: pid_t = 0
        let code = ChildProcess.withCStrings(arguments) { words in
            posix_spawn(&child, path, &actions, &attributes, words, environ)
        }
        guard code == 0 else {
            throw ProgramPath.cannotStart(CommandLineProgram(arguments: arguments, folder: "."), code)
        }
        id = child
    }

    deinit {
        guard ending == nil else { return }
        kill(-id, SIGKILL)
        var status: Int32 = 0
        _ = try? SystemCall.attempt(.other) { waitpid(id, &status, 0) }
    }

    /// Nil while it runs.
    public var ending: Ending? {
        if let ended { return ended }
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return nil }
        let signal = status & 0x7F
        ended = signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
        return ended
    }

    /// Asks it to end at the next checkpoint.
    public func askToEnd() { if ending == nil { kill(id, SIGTERM) } }

    /// Ends it, and what it has started, at once.
    public func end() { if ending == nil { kill(-id, SIGKILL) } }
}

/// What this process runs.
public enum OwnProgram {
    /// Its file; where that was replaced or removed meanwhile, as by an upgrade, what this process still has of it.
    public static var path: String {
        if let path = Folder.linkTarget("/proc/self/exe"), Folder.exists(path) { return path }
        return "/proc/\(Environment.processID)/exe"
    }

    /// The process that started this one; another one as soon as that has ended.
    public static var parent: Int32 { getppid() }
}

/// What systemd hears of a service, see sd_notify(3). Nothing happens where nobody listens.
public enum ServiceNotice {
    /// - Parameter text: `READY=1`, `STOPPING=1`, `WATCHDOG=1`.
    public static func send(_ text: String) {
        guard let path = Environment.value("NOTIFY_SOCKET") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // A name that no file has begins with NUL.
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let words = Array(text.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, words, words.count, 0, $0, length)
            }
        }
    }

    /// Milliseconds after which systemd takes a service for dead that says nothing; nil when it does not watch.
    public static var watchdog: Int64? {
        guard let text = Environment.value("WATCHDOG_USEC"), let time = Int64(text), time > 0 else { return nil }
        return time / 1_000
    }
}

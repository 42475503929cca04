public import BatchCore
internal import Glibc

/// A process, named so that it cannot be taken for another: ids of processes are used again.
public struct LeaseOwner: Hashable, Sendable {
    public let process: Int64
    /// When the process began, in ticks since the machine did; from the kernel.
    public let startedAt: String
    /// Boot and PID namespace: process ids of two containers are not the same ids.
    public let machine: String

    public init(process: Int64, startedAt: String, machine: String) {
        self.process = process
        self.startedAt = startedAt
        self.machine = machine
    }

    /// This process.
    public static func current() -> LeaseOwner {
        let process = Int64(getpid())
        return LeaseOwner(process: process, startedAt: startTime(of: process) ?? "", machine: currentMachine())
    }

    /// Nil when it cannot be told from here: the owner is on another machine.
    public var isAlive: Bool? {
        guard machine == LeaseOwner.currentMachine() else { return nil }
        return LeaseOwner.startTime(of: process) == startedAt
    }

    private static func currentMachine() -> String {
        let boot = readSmallFile("/proc/sys/kernel/random/boot_id")?.filter { !$0.isNewline } ?? "unknown"
        var target = [CChar](repeating: 0, count: 128)
        let length = readlink("/proc/self/ns/pid", &target, target.count - 1)
        let namespace =
            length > 0 ? String(decoding: target[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self) : ""
        return boot + namespace
    }

    /// Field 22 of `/proc/PID/stat`; the command before it may hold spaces and parentheses. See proc(5).
    private static func startTime(of process: Int64) -> String? {
        guard let text = readSmallFile("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        // A zombie has ended, though its parent has not looked yet.
        guard fields.count > 19, fields[0] != "Z" else { return nil }
        return String(fields[19])
    }

    private static func readSmallFile(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}

/// Who has a lease, and for what.
public struct LeaseHolder: Hashable, Sendable {
    public let owner: LeaseOwner
    /// What it is doing: a batch id, or a verb.
    public let work: String
    public let beatAt: Timestamp
    public let epoch: Int64

    /// A silent owner on another machine is taken for dead after this many milliseconds.
    public static let silence: Int64 = 60_000

    public func isAlive(at time: Timestamp) -> Bool {
        owner.isAlive ?? (time.milliseconds - beatAt.milliseconds < LeaseHolder.silence)
    }
}

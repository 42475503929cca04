internal import BatchCore
internal import Glibc

/// A process, named so that it cannot be taken for another: ids of processes are used again.
public struct LeaseOwner: Hashable, Sendable {
    public let process: Int64
    /// When the process began, in ticks since the machine did; from the kernel.
    public let startedAt: String
    /// The run of the machine, from when it was switched on.
    public let boot: String
    /// Process ids of two containers are not the same ids.
    public let namespace: String
    /// Which machine; empty when it does not know.
    public let machine: String

    public init(process: Int64, startedAt: String, boot: String, namespace: String, machine: String) {
        self.process = process
        self.startedAt = startedAt
        self.boot = boot
        self.namespace = namespace
        self.machine = machine
    }

    /// This process.
    public static func current() -> LeaseOwner {
        let process = Int64(getpid())
        return LeaseOwner(
            process: process, startedAt: startTime(of: process) ?? "",
            boot: smallFile("/proc/sys/kernel/random/boot_id") ?? "", namespace: linkTarget("/proc/self/ns/pid"),
            machine: machineName)
    }

    public enum Life: Sendable {
        case alive, dead
        /// It cannot be told from here.
        case unknown
    }

    /// Looked at from this process.
    public var life: Life { life(seenFrom: .current()) }

    func life(seenFrom observer: LeaseOwner) -> Life {
        guard !boot.isEmpty, boot == observer.boot else {
            // The same machine has been switched on again since.
            return !machine.isEmpty && machine == observer.machine && !observer.boot.isEmpty ? .dead : .unknown
        }
        guard !namespace.isEmpty, namespace == observer.namespace else { return .unknown }
        return LeaseOwner.startTime(of: process) == startedAt ? .alive : .dead
    }

    /// The name of a machine is a secret of it, so it is hashed.
    private static let machineName: String = {
        guard let id = smallFile("/etc/machine-id"), !id.isEmpty else { return "" }
        return RowCodec.hash([.string("batchmgr"), .string(id)]).description
    }()

    private static func linkTarget(_ path: String) -> String {
        var target = [CChar](repeating: 0, count: 128)
        let length = readlink(path, &target, target.count - 1)
        return length > 0 ? String(decoding: target[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self) : ""
    }

    /// Field 22 of `/proc/PID/stat`; the command before it may hold spaces and parentheses. See proc(5).
    private static func startTime(of process: Int64) -> String? {
        guard let text = smallFile("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        // A zombie has ended, though its parent has not looked yet.
        guard fields.count > 19, fields[0] != "Z" else { return nil }
        return String(fields[19])
    }

    /// Without the ends of lines.
    private static func smallFile(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self).filter { !$0.isNewline } : nil
    }
}

/// Milliseconds by a clock that nobody sets, and that stands still while the machine sleeps.
enum SteadyClock {
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

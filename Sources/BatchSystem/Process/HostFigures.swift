internal import BatchCore
internal import Glibc

/// What the kernel tells of the machine and of this process. See proc(5).
public enum HostFigures {
    /// Bytes of memory that this process has; nil when the kernel does not tell.
    public static var residentMemory: Int64? {
        text("/proc/self/statm").flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int64($0) }
            .map { $0 * Int64(sysconf(Int32(_SC_PAGESIZE))) }
    }

    /// Of another process; nil when there is none.
    public static func residentMemory(of process: Int64) -> Int64? {
        text("/proc/\(process)/statm").flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int64($0) }
            .map { $0 * Int64(sysconf(Int32(_SC_PAGESIZE))) }
    }

    /// The processes that another one has begun, whichever of its threads it was, the oldest first.
    public static func children(of process: Int64) -> [Int64] {
        let threads = (try? Folder.names(in: "/proc/\(process)/task")) ?? []
        return threads.flatMap { thread in
            (text("/proc/\(process)/task/\(thread)/children") ?? "").split(separator: " ").compactMap { Int64($0) }
        }.sorted()
    }

    /// Those that this process may use.
    public static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Of one minute.
    public static var load: Double? { text("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) } }

    /// Seconds that all processors have worked since the machine started.
    public static var busySeconds: Double? {
        guard let line = text("/proc/stat")?.split(separator: "\n").first else { return nil }
        let fields = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard fields.count >= 7 else { return nil }
        // All but idle and waiting for a disk.
        let busy = fields[0] + fields[1] + fields[2] + fields[5] + fields[6]
        return busy / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Bytes that programs could have.
    public static var availableMemory: Int64? {
        text("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }?
            .split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 * 1_024 }
    }

    /// Of one minute, and of five.
    public static var loads: (one: Double, five: Double)? {
        let fields = text("/proc/loadavg")?.split(separator: " ").prefix(2).compactMap { Double($0) } ?? []
        return fields.count == 2 ? (fields[0], fields[1]) : nil
    }

    /// Percent of the memory that programs could not have.
    public static var usedMemoryShare: Double? {
        let total = text("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }?
            .split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 * 1_024 }
        guard let total, total > 0, let available = availableMemory else { return nil }
        return 100 - Double(available) * 100 / Double(total)
    }

    /// Percent of the file system of a folder that is free.
    public static func freeDiskShare(_ folder: String) -> Double? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0, status.f_blocks > 0 else { return nil }
        return Double(status.f_bavail) * 100 / Double(status.f_blocks)
    }

    /// Bytes on the file system of a folder; nil when it is not there.
    public static func freeDisk(_ folder: String) -> Int64? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        return Int64(status.f_bavail) * Int64(status.f_frsize)
    }

    private static func text(_ path: String) -> String? {
        (try? File(reading: path).contents(atMost: 1 << 16)).map { String(decoding: $0, as: UTF8.self) }
    }
}

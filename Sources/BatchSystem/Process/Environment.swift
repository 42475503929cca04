internal import Glibc

/// What the process was started with.
public enum Environment {
    /// Nil when the variable is not set, or empty.
    public static func value(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// Names of the variables that the process was started with and that begin so.
    public static func names(beginning prefix: String) -> [String] {
        let bytes = (try? File(reading: "/proc/self/environ").contents(atMost: 16 << 20)) ?? []
        return bytes.split(separator: 0).compactMap { entry in
            let name = String(decoding: entry.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            return name.hasPrefix(prefix) ? name : nil
        }
    }

    public static var processID: Int32 { getpid() }

    /// The words after the program's name, as bytes.
    ///
    /// `CommandLine.arguments` would repair bytes that are no UTF-8. It is empty when a preloaded library has moved the
    /// environment, after which the runtime looks for it; the kernel still knows the words then.
    public static var words: [[UInt8]] {
        let known = (0..<Int(CommandLine.argc)).compactMap { place in
            CommandLine.unsafeArgv[place].map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        }
        if !known.isEmpty { return Array(known.dropFirst()) }
        let told = (try? File(reading: "/proc/self/cmdline").contents(atMost: 16 << 20)) ?? []
        return told.split(separator: 0, omittingEmptySubsequences: false).dropFirst().dropLast().map(Array.init)
    }

    /// The thread that asks.
    public static var threadID: UInt { UInt(pthread_self()) }

    /// The user whose rights this process has.
    public static var userID: UInt32 { geteuid() }
}

/// Where programs tell what is no answer.
public enum StandardError {
    /// In one piece, so that lines of several processes do not mix; nothing is said of what cannot be written.
    public static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// Who acts, when nobody says so.
public enum SystemActor {
    /// `BATCHMGR_ACTOR`, or the user of this process.
    public static var name: String {
        if let name = Environment.value("BATCHMGR_ACTOR") { return shown(name) }
        if let entry = getpwuid(getuid()), let name = entry.pointee.pw_name { return String(cString: name) }
        return "uid:\(getuid())"
    }

    /// A name stands in commits, reports and the audit: nothing in it may steer a terminal.
    private static func shown(_ name: String) -> String {
        String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { scalar in
                    scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                        ? "?" : scalar
                }))
    }
}

/// What the kernel tells of processes under `/proc`: enough to know whether one still lives. See proc(5).
public enum ProcessTable {
    /// Another one after each start of the machine; empty when it does not tell.
    public static var bootID: String { smallFile("/proc/sys/kernel/random/boot_id") ?? "" }

    /// Process ids of two containers are not the same ids; empty when the kernel does not tell.
    public static var namespace: String { Folder.linkTarget("/proc/self/ns/pid") ?? "" }

    /// Nil when the machine has none. It is a secret of the machine.
    public static var machineID: String? { smallFile("/etc/machine-id").flatMap { $0.isEmpty ? nil : $0 } }

    /// In ticks since the machine started; nil when there is no such process, or it has ended.
    public static func startTime(of process: Int64) -> String? {
        // The command, field 2, may hold spaces and parentheses.
        guard let text = smallFile("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        // A zombie has ended, though its parent has not looked yet.
        guard fields.count > 19, fields[0] != "Z" else { return nil }
        return String(fields[19])
    }

    /// True when a process that this one may look at has the file open.
    public static func hasOpen(_ file: FileStatus) -> Bool {
        for process in (try? Folder.names(in: "/proc")) ?? [] where process.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) {
            for descriptor in (try? Folder.names(in: "/proc/\(process)/fd")) ?? [] {
                if FileStatus("/proc/\(process)/fd/\(descriptor)")?.isSameFile(as: file) == true { return true }
            }
        }
        return false
    }

    /// Without the ends of lines.
    private static func smallFile(_ path: String) -> String? {
        guard let bytes = try? File(reading: path).contents(atMost: 1 << 16), !bytes.isEmpty else { return nil }
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
    }
}

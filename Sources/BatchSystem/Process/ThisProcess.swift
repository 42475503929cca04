internal import CLinux
internal import Glibc
internal import Synchronization

/// Ends the process at a named place, or at the Nth place reached, as `kill -9` would: for tests of crash safety.
///
/// `BATCHMGR_KILL_AT=7` ends it at the seventh place, `BATCHMGR_KILL_AT=name` at the first of that name;
/// `BATCHMGR_KILL_AT=name:TERM` sends it SIGTERM there.
public enum KillPoint {
    private static let wanted = Environment.value("BATCHMGR_KILL_AT")
    private static let number = wanted.flatMap { Int($0) }
    private static let reached = Atomic<Int>(0)

    /// Costs a look at a constant when no test asks for an end.
    public static let reach: @Sendable (String) -> Void = { name in
        guard let wanted else { return }
        let count = reached.add(1, ordering: .relaxed).newValue
        if count == number || name == wanted { kill(getpid(), SIGKILL) }
        if wanted == name + ":TERM" { kill(getpid(), SIGTERM) }
    }
}

/// The end of a process whose work is done.
public enum ProcessEnd {
    /// Ends it without the clean-up that libraries have asked `exit` for: threads of theirs (a timer, a look-up of a name)
    /// may still be using what it frees, and the process would end by a signal after all it had to say.
    public static func now(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}

/// Last words of a process that gets no more memory: no code of ours can go on then, and a signal says nothing.
///
/// The databases are as after `kill -9`: the open transaction is rolled back by whoever opens them next.
public enum MemoryLimit {
    private static let words = Array(
        """
        error: ERR_PERF_LIMIT: this process got no more memory; nothing was left half done
        hint: raise the limit (ulimit -v), then try again

        """.utf8)

    /// Where the memory of this process is limited, the signals that it would end by say so, and it ends with exit code 1.
    public static func announce() {
        guard let limits = try? DurableFile.read("/proc/self/limits"), isLimited(limits) else { return }
        // Reading it here initialises it: a signal handler must not.
        _ = words.count
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] {
            signal(number) { _ in
                MemoryLimit.words.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
                _exit(1)
            }
        }
    }

    private static func isLimited(_ limits: [UInt8]) -> Bool {
        let lines = String(decoding: limits, as: UTF8.self).split(separator: "\n")
        return ["Max address space", "Max data size"].contains { name in
            lines.contains { line in
                line.hasPrefix(name) && line.dropFirst(name.count).split(separator: " ").first != "unlimited"
            }
        }
    }
}

/// The memory that the C library hands out.
public enum Allocation {
    /// Keeps blocks up to half a gigabyte for the next one who asks, in place of giving them back at once: the kernel fills
    /// what it hands out with zeros. For a process that has one picture after the other in memory.
    public static func keepsLargeBlocks() {
        mallopt(M_MMAP_THRESHOLD, 512 << 20)
        mallopt(M_TRIM_THRESHOLD, 512 << 20)
    }

    /// Keeps up to 8 MiB at the end of the heap. For a process that does one small job after the other: it would give back
    /// after each what it asks for in the next.
    public static func keepsEndOfHeap() {
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
        mallopt(M_TRIM_THRESHOLD, 8 << 20)
    }
}

/// The libraries that this process really runs with, asked by name, so that nobody needs their headers.
public enum LoadedLibraries {
    public static var versions: [(name: String, version: String)] {
        [
            ("sqlite", "sqlite3_libversion"), ("zstd", "ZSTD_versionString"), ("libyaml", "yaml_get_version_string"),
        ].compactMap { name, symbol in text(symbol, in: nil).map { (name, $0) } }
            + (dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_NOLOAD).flatMap { text("MHD_get_version", in: $0) }
                .map { [("libmicrohttpd", $0)] } ?? [])
    }

    private static func text(_ symbol: String, in library: UnsafeMutableRawPointer?) -> String? {
        guard let address = dlsym(library, symbol) else { return nil }
        typealias Function = @convention(c) () -> UnsafePointer<CChar>?
        return unsafeBitCast(address, to: Function.self)().map { String(cString: $0) }
    }
}

internal import Glibc

/// Last words of a process that gets no more memory: no code of ours can go on then, and a signal says nothing.
///
/// The databases are as after `kill -9`: the open transaction is rolled back by whoever opens them next.
public enum MemoryLimit {
    private static let words = Array(
        """
        error: ERR_PERF_LIMIT: this process could get no more memory; nothing half-done is left
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

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

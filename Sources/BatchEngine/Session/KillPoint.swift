internal import Glibc

/// Ends the process at a named place, or at the Nth place reached, as `kill -9` would: for tests of crash safety.
///
/// `BATCHMGR_KILL_AT=7` ends it at the seventh place, `BATCHMGR_KILL_AT=name` at the first of that name.
enum KillPoint {
    private static let wanted = getenv("BATCHMGR_KILL_AT").map { String(cString: $0) }
    nonisolated(unsafe) private static var reached = 0

    static let reach: @Sendable (String) -> Void = { name in
        guard let wanted else { return }
        reached += 1
        if wanted == name || Int(wanted) == reached { kill(getpid(), SIGKILL) }
    }
}

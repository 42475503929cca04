internal import Glibc
internal import Synchronization

/// SIGINT and SIGTERM as a wish: the first asks to stop at the next checkpoint, the second to abort the open
/// transaction, and a third one kills, as if nothing were installed.
public enum StopSignal {
    private static let count = Atomic<Int>(0)

    /// Stop at the next checkpoint.
    public static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

    /// Abort the open transaction.
    public static var isAborting: Bool { count.load(ordering: .relaxed) > 1 }

    public static func install() {
        // Reading it here initialises it: a signal handler must not.
        _ = isRequested
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let (_, times) = StopSignal.count.add(1, ordering: .relaxed)
                if times > 1 { signal(number, SIG_DFL) }
            }
        }
    }
}

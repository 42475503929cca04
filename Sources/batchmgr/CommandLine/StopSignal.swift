internal import BatchEngine
internal import Glibc
internal import Synchronization

/// SIGINT and SIGTERM as a wish: the first asks to stop at the next checkpoint, the second to abort the open
/// transaction, and a third one kills, as if nothing were installed. Each is answered at once.
public enum StopSignal {
    private static let count = Atomic<Int>(0)
    private static let stage = Atomic<Int>(WorkStage.other.rawValue)
    private static let isMute = Atomic<Bool>(true)

    /// Stop at the next checkpoint.
    public static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

    /// Abort the open transaction.
    public static var isAborting: Bool { count.load(ordering: .relaxed) > 1 }

    /// What a signal would meet now.
    static func note(_ stage: WorkStage) { StopSignal.stage.store(stage.rawValue, ordering: .relaxed) }

    /// - Parameter isMute: say nothing.
    public static func install(isMute: Bool = true) {
        // Reading it here initialises it: a signal handler must not.
        _ = (isRequested, stage.load(ordering: .relaxed))
        StopSignal.isMute.store(isMute, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let (_, times) = StopSignal.count.add(1, ordering: .relaxed)
                if times > 1 { signal(number, SIG_DFL) }
                if !StopSignal.isMute.load(ordering: .relaxed) { StopSignal.answer(times) }
            }
        }
    }

    /// Only calls that a signal handler may make.
    private static func answer(_ times: Int) {
        let words: StaticString =
            switch (times, WorkStage(rawValue: stage.load(ordering: .relaxed))) {
            case (1, .lastCheckpoint): "\nstopping: the open checkpoint is the last one, so it is rolled back\n"
            case (1, .restorePoint): "\nthe batch has ended: its restore point is finished first\n"
            case (1, .other): "\nstopping\n"
            case (1, _): "\nstopping after the open checkpoint; a second Ctrl-C rolls that one back\n"
            case (2, .working), (2, .lastCheckpoint):
                "\nthe open checkpoint is rolled back; a third Ctrl-C ends the process at once\n"
            default: ""
            }
        _ = write(2, words.utf8Start, words.utf8CodeUnitCount)
    }
}

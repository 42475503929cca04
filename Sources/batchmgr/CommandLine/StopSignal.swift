internal import BatchEngine
internal import BatchLedger
internal import BatchSystem
internal import Glibc
internal import Synchronization

/// SIGINT and SIGTERM as a wish, answered at once.
///
/// A batch stops at its next checkpoint; the second signal aborts the open transaction, and a third one kills, as if
/// nothing were installed. Work that changes nothing, or that is whole after a power cut at any time, ends at the first
/// signal: nothing of it has to be finished, and unfinished files are removed.
public enum StopSignal {
    private static let count = Atomic<Int>(0)
    private static let stage = Atomic<Int>(Context.Stage.other.rawValue)
    /// In place of a stage: the process is ending.
    private static let ending = -1
    private static let isMute = Atomic<Bool>(true)
    private static let endsAtOnce = Atomic<Bool>(false)
    private static let isWaiting = Atomic<Bool>(false)
    private static let wakeUp = WakeUp()
    private static let last = WorkThread(mostWaiting: 1)
    private static let exitCode: Int32 = 130
    /// Milliseconds for all that comes after the signal.
    private static let patience = 900
    /// Of them, for rolling back what is open.
    private static let rollback = 500

    /// Stop at the next checkpoint.
    public static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

    /// Abort the open transaction.
    public static var isAborting: Bool { count.load(ordering: .relaxed) > 1 }

    /// What a signal would meet now. Does not return when one has come that ends the process, or that waited for this.
    static func note(_ stage: Context.Stage) {
        let before = StopSignal.stage.exchange(stage.rawValue, ordering: .sequentiallyConsistent)
        if before == ending {
            StopSignal.stage.store(ending, ordering: .sequentiallyConsistent)
            waitForEver()
        }
        guard stage == .other, isRequested, begin(1) else { return }
        sem_post(wakeUp.semaphore)
        waitForEver()
    }

    /// Does not return in a process that is ending.
    static func waitIfEnding() {
        if stage.load(ordering: .sequentiallyConsistent) == ending { waitForEver() }
    }

    private static func waitForEver() -> Never { UnfinishedFiles.waitForEver() }

    /// - Parameter isMute: say nothing.
    public static func install(isMute: Bool = true) {
        // Reading it here initialises it: a signal handler must not.
        _ = (isRequested, stage.load(ordering: .relaxed), wakeUp.semaphore)
        StopSignal.isMute.store(isMute, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let (_, times) = StopSignal.count.add(1, ordering: .relaxed)
                if times > 1 { signal(number, SIG_DFL) }
                let isEnd = StopSignal.begin(times)
                if !StopSignal.isMute.load(ordering: .relaxed) { StopSignal.answer(times) }
                if isEnd { sem_post(StopSignal.wakeUp.semaphore) }
            }
        }
    }

    // MARK: The end

    /// Lets the first signal end the process, unless `note` has named another stage than `other` by then.
    /// - Parameter farewell: says so, and records it; it has a moment, and runs beside the work.
    static func endAtFirst(isMute: Bool, _ farewell: @escaping @Sendable () -> Void) {
        // A verb that opens two views asks twice; the thread that waits for the signal is taken by the first.
        if isWaiting.exchange(true, ordering: .relaxed) { return }
        UnfinishedFiles.watch()
        OpenConnections.watch()
        install(isMute: isMute)
        last.add { [wakeUp] in
            while sem_wait(wakeUp.semaphore) != 0 {}
            UnfinishedFiles.end()
            end(after: patience)
            let start = ContinuousClock.now
            while !OpenConnections.rollback(), ContinuousClock.now - start < .milliseconds(rollback) { usleep(5_000) }
            UnfinishedFiles.removeAll()
            ProgressBar.shared.finish()
            farewell()
            UnfinishedFiles.removeAll()
            _exit(exitCode)
        }
        endsAtOnce.store(true, ordering: .relaxed)
    }

    /// - Returns: whether the process is to end.
    private static func begin(_ times: Int) -> Bool {
        guard times == 1, endsAtOnce.load(ordering: .relaxed) else { return false }
        return stage.compareExchange(
            expected: Context.Stage.other.rawValue, desired: ending, ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Ends the process after this time whatever its threads wait for.
    private static func end(after milliseconds: Int) {
        signal(SIGALRM) { _ in _exit(StopSignal.exitCode) }
        ualarm(UInt32(milliseconds * 1_000), 0)
    }

    /// What a signal handler wakes a thread with.
    private final class WakeUp: @unchecked Sendable {
        let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        init() { sem_init(semaphore, 0, 0) }
        deinit { semaphore.deallocate() }
    }

    // MARK: Words

    /// Only calls that a signal handler may make.
    private static func answer(_ times: Int) {
        let words: StaticString =
            switch (times, Context.Stage(rawValue: stage.load(ordering: .relaxed))) {
            case (1, .lastCheckpoint):
                "\nstopping: the open checkpoint is the last one, so it is rolled back; a second Ctrl-C changes nothing, a third ends the process at once\n"
            case (1, .restorePoint):
                "\nthe batch has ended: its restore point is finished first; a second Ctrl-C changes nothing, a third leaves that to the next command\n"
            case (1, .committing):
                "\ntoo late to stop: it is being committed, and is finished first; a second Ctrl-C changes nothing, a third ends the process at once\n"
            case (1, .working): "\nstopping after the open checkpoint; a second Ctrl-C rolls that one back\n"
            case (1, .other):
                "\nstopping after what is open, if anything is; a second Ctrl-C rolls that back, a third ends the process at once\n"
            case (1, nil): "\nstopping: nothing has to be finished first; a second Ctrl-C changes nothing\n"
            case (2, .working), (2, .lastCheckpoint), (2, .other):
                "\nwhat is open is rolled back; a third Ctrl-C ends the process at once\n"
            case (2, .restorePoint), (2, .committing):
                "\nit is still being finished; a third Ctrl-C ends the process at once\n"
            default: ""
            }
        _ = write(2, words.utf8Start, words.utf8CodeUnitCount)
    }
}

import Glibc
import TestSupport
import Testing
import batchmgr

@Suite struct StopSignalTests {
    @Test func theFirstSignalAsksAndTheSecondAborts() {
        StopSignal.install()
        #expect(!StopSignal.isRequested)
        Self.send { StopSignal.isRequested }
        #expect(StopSignal.isRequested)
        #expect(!StopSignal.isAborting)
        Self.send { StopSignal.isAborting }
        #expect(StopSignal.isAborting)
        // The second signal has given SIGTERM back; SIGINT is given back here, for whoever stops the tests.
        signal(SIGINT, SIG_DFL)
    }

    /// To the process, not by `raise`: the threads that run tests may block signals. Waits up to a second for it.
    private static func send(until isSeen: () -> Bool) {
        kill(getpid(), SIGTERM)
        for _ in 0..<1_000 where !isSeen() { usleep(1_000) }
    }
}

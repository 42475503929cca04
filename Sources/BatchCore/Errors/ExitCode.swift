/// The exit codes of `batchmgr`, a published interface: scripts branch on them.
public enum ExitCode: Int32, Sendable, CaseIterable {
    case done = 0
    case stepFailed = 1
    case usage = 2
    case refusedByPolicy = 3
    case refusedByDependents = 4
    case noRestorePoint = 5
    case integrityViolation = 6
    case waitingForApproval = 7
    /// The batch is committed, and must not be run again.
    case pointPending = 8
    case busy = 75
    case stopped = 130
}

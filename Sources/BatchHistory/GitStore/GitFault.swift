internal import BatchCore
internal import CGit2

/// The one funnel for libgit2's return codes. Its last error is copied at once: the next call overwrites it.
enum GitFault {
    /// - Parameter doing: what was tried, with the name of the thing.
    static func error(_ code: Int32, doing: String) -> BatchError {
        let said = git_error_last().flatMap { $0.pointee.message }.map { String(cString: $0) } ?? "code \(code)"
        let message = "\(doing): \(said)"
        if code == GIT_ELOCKED.rawValue || code == GIT_EMODIFIED.rawValue {
            return BatchError(.busy, message, hint: "another program writes to the repository; try again in a moment")
        }
        if said.contains("No space left") {
            return BatchError(.diskFull, message, hint: "free some space, then: batchmgr doctor")
        }
        if said.contains("Permission denied") || said.contains("Read-only file system") {
            return BatchError(.readOnly, message, hint: "make the repository writable, then: batchmgr doctor")
        }
        return BatchError(.git, message, hint: "check the repository: git fsck, then: batchmgr verify")
    }

    static func check(_ code: Int32, doing: @autoclosure () -> String) throws(BatchError) {
        if code < 0 { throw error(code, doing: doing()) }
    }
}

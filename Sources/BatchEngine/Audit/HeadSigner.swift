internal import Synchronization

/// When a service signs the end of the audit: after each request as long as they are few, and at most five times a second. Signing
/// costs more than most requests; the rows themselves are on disk before they are answered.
public final class HeadSigner: Sendable {
    private struct State {
        var signedAt: Int64?
        var isWaiting = false
    }

    /// Milliseconds.
    private static let pause: Int64 = 200

    private let state = Mutex(State())

    public init() {}

    /// - Parameter now: by a clock that nobody sets.
    /// - Returns: false when it was done a moment ago: `takeWaiting` tells of it then.
    func isDue(at now: Int64) -> Bool {
        state.withLock { state in
            if let last = state.signedAt, now - last < HeadSigner.pause {
                state.isWaiting = true
                return false
            }
            state.signedAt = now
            state.isWaiting = false
            return true
        }
    }

    /// Whether rows have come since it was done last.
    public func takeWaiting() -> Bool {
        state.withLock { state in
            defer { state.isWaiting = false }
            return state.isWaiting
        }
    }
}

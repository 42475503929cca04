public import BatchCore

/// A notification that did not arrive: for the log, never a reason to fail.
public struct NotifyFailure: Sendable, Equatable {
    /// The target's name.
    public let target: String
    /// Always `ERR_INTEGRATION_NOTIFY_FAILED`.
    public let error: BatchError
}

/// Whether the same attempt could succeed a little later.
public enum RetryFailure: Sendable {
    /// The surroundings failed: a lock, a command, a disk. Trying again makes sense.
    case passing
    /// The request, the data or a policy says no; it will say so again.
    case lasting

    public init(_ code: ErrorCode) {
        switch code {
        case .busy, .timeout, .diskFull, .file, .git, .commandFailed, .pluginFailed, .compensationFailed, .notifyFailed:
            self = .passing
        default:
            self = .lasting
        }
    }
}

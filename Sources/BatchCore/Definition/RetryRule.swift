/// How often a failed step is tried again.
public struct RetryRule: Hashable, Sendable {
    /// Tries after the first one.
    public var maximum: Int
    /// The pause before the first new try; it doubles with each further one.
    public var backoff: Duration

    public init(maximum: Int, backoff: Duration = .seconds(1)) {
        self.maximum = maximum
        self.backoff = backoff
    }
}

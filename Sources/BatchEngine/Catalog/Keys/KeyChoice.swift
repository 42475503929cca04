/// One of several keys of which exactly one must be there, and what may stand beside it.
public struct KeyChoice: Sendable {
    public let key: KeyRule
    /// The keys beside it that go with this one, of those that not all alternatives share.
    public let beside: [KeyRule]

    public init(_ key: KeyRule, beside: [KeyRule] = []) {
        self.key = key
        self.beside = beside
    }
}

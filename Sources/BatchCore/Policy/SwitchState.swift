/// A switch as somebody set it.
public struct SwitchState: Hashable, Sendable {
    public var name: SwitchName
    public var value: SwitchValue
    public var actor: String
    public var reason: String
    public var setAt: Timestamp
    /// From then on it is as if nobody had set it; nil: until it is set again.
    public var expiresAt: Timestamp?

    public init(
        name: SwitchName, value: SwitchValue, actor: String, reason: String, setAt: Timestamp,
        expiresAt: Timestamp? = nil
    ) {
        self.name = name
        self.value = value
        self.actor = actor
        self.reason = reason
        self.setAt = setAt
        self.expiresAt = expiresAt
    }

    public func holds(at time: Timestamp) -> Bool { expiresAt.map { time < $0 } ?? true }

    public var json: JSONValue {
        [
            "name": .string(name.description), "value": .string(value.rawValue), "actor": .string(actor),
            "reason": .string(reason), "set_at": .string(setAt.iso8601), "expires_at": .init(expiresAt?.iso8601),
        ]
    }
}

/// A key whose signature counts in a workspace.
public struct TrustedKey: Hashable, Sendable {
    /// The actor of what it signs.
    public let name: String
    public let role: Role
    /// 64 hexadecimal digits.
    public let key: String
    public let trustedBy: String
    public let trustedAt: Timestamp
    /// Nil while it counts.
    public var revokedBy: String?
    public var revokedAt: Timestamp?

    public init(
        name: String, role: Role, key: String, trustedBy: String, trustedAt: Timestamp, revokedBy: String? = nil,
        revokedAt: Timestamp? = nil
    ) {
        self.name = name
        self.role = role
        self.key = key
        self.trustedBy = trustedBy
        self.trustedAt = trustedAt
        self.revokedBy = revokedBy
        self.revokedAt = revokedAt
    }

    public var json: JSONValue {
        [
            "name": .string(name), "role": .string(role.rawValue), "key": .string(key),
            "trusted_by": .string(trustedBy), "trusted_at": .string(trustedAt.iso8601),
            "revoked_by": .init(revokedBy), "revoked_at": .init(revokedAt?.iso8601),
        ]
    }
}

/// A signed request that was accepted: it is never accepted again.
public struct UsedRequest: Hashable, Sendable {
    public let nonce: String
    public let signer: String
    public let action: String
    public let subject: String
    public let at: Timestamp
    /// `accepted` until it is known; then `done`, or the code of the failure.
    public let outcome: String

    public init(nonce: String, signer: String, action: String, subject: String, at: Timestamp, outcome: String) {
        self.nonce = nonce
        self.signer = signer
        self.action = action
        self.subject = subject
        self.at = at
        self.outcome = outcome
    }

    public var json: JSONValue {
        [
            "nonce": .string(nonce), "signer": .string(signer), "action": .string(action),
            "subject": .string(subject), "at": .string(at.iso8601), "outcome": .string(outcome),
        ]
    }
}

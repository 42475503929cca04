/// A secret by which a person, or a program of theirs, is known over HTTP. What is kept is its hash.
public struct AccessToken: Hashable, Sendable {
    /// For the list of tokens; unique.
    public let name: String
    /// Who acts by it: the actor of what is done.
    public let person: String
    public let role: Role
    /// The only tenant that it shows and touches; nil for all.
    public let tenant: String?
    /// SHA-256, 64 hexadecimal digits.
    public let hash: String
    public let createdBy: String
    public let createdAt: Timestamp
    /// Nil: until it is revoked.
    public let expiresAt: Timestamp?
    /// Nil while it counts.
    public var revokedBy: String?
    public var revokedAt: Timestamp?

    public init(
        name: String, person: String, role: Role, tenant: String?, hash: String, createdBy: String,
        createdAt: Timestamp, expiresAt: Timestamp?, revokedBy: String? = nil, revokedAt: Timestamp? = nil
    ) {
        self.name = name
        self.person = person
        self.role = role
        self.tenant = tenant
        self.hash = hash
        self.createdBy = createdBy
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.revokedBy = revokedBy
        self.revokedAt = revokedAt
    }

    public func counts(at now: Timestamp) -> Bool { revokedBy == nil && expiresAt.map { $0 > now } ?? true }

    /// Takes as long for hashes that differ in the first byte as for those that differ in the last.
    public func has(hash other: String) -> Bool {
        let (own, given) = (Array(hash.utf8), Array(other.utf8))
        guard own.count == given.count else { return false }
        return zip(own, given).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// It belongs to a session of support, and acts on behalf of its tenant.
    public var isOfSupport: Bool { name.hasPrefix(SupportSession.prefix) }

    /// Without the hash.
    public var json: JSONValue {
        [
            "name": .string(name), "person": .string(person), "role": .string(role.rawValue), "tenant": .init(tenant),
            "created_by": .string(createdBy), "created_at": .string(createdAt.iso8601),
            "expires_at": .init(expiresAt?.iso8601), "revoked_by": .init(revokedBy),
            "revoked_at": .init(revokedAt?.iso8601),
        ]
    }
}

/// `token create`
public struct TokenRequest: Hashable, Sendable {
    public let name: String
    public let person: String
    public let role: Role
    public let tenant: String?
    public let life: Duration?

    /// - Parameter person: nil for a token that acts under its own name.
    /// - Throws: `ERR_UX_USAGE`.
    public init(name: String, person: String? = nil, role: Role, tenant: String? = nil, life: Duration? = nil)
        throws(BatchError)
    {
        self.name = try TokenRequest.check(name, "--name")
        self.person = try TokenRequest.check(person ?? name, "--person")
        self.role = role
        self.tenant = tenant
        self.life = life
        guard !name.hasPrefix(SupportSession.prefix) else {
            throw BatchError(
                .usage, "this name is reserved for tokens of support", hint: "choose another name: --name NAME")
        }
        guard life ?? .seconds(1) <= .seconds(3_650 * 86_400) else {
            throw BatchError(.usage, "a token is valid for ten years at most", hint: "write it as 30d: --expires 30d")
        }
    }

    private static func check(_ text: String, _ option: String) throws(BatchError) -> String {
        let isPlain = text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") }
        guard isPlain, (1...64).contains(text.utf8.count) else {
            throw BatchError(
                .usage, "'\(text)' is not a name for a token or its owner",
                hint: "\(option) is 1 to 64 letters, digits and signs, no space, no '/'")
        }
        return text
    }
}

/// `token create`, `token revoke`
public struct TokenReport: Report, Hashable {
    public let token: AccessToken
    /// The token itself, this once; nil when it was not made now.
    public let secret: String?

    public init(token: AccessToken, secret: String? = nil) {
        self.token = token
        self.secret = secret
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        (token.json.members ?? []) + JSONValue.Member.only("token", secret.map(JSONValue.string))
    }
}

/// `token list`
public struct TokenListReport: Report, Hashable {
    /// By name.
    public let tokens: [AccessToken]
    public let now: Timestamp

    public init(tokens: [AccessToken], now: Timestamp) {
        self.tokens = tokens
        self.now = now
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let all = tokens.map { token -> JSONValue in
            .object((token.json.members ?? []) + [.init("counts", .bool(token.counts(at: now)))])
        }
        return [.init("tokens", .array(all))]
    }
}

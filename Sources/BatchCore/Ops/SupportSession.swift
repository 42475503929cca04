/// Somebody of the operators looks at one tenant on its behalf, for a short time and with a reason.
public struct SupportSession: Hashable, Sendable {
    public enum State: String, Hashable, Sendable {
        /// Looks, and writes when somebody else has approved it.
        case open
        /// Looks, and waits for somebody who lets it write.
        case waiting
        case ended
        /// Its time is over.
        case expired
    }

    public let number: Int64
    public let tenant: String
    /// Who looks.
    public let person: String
    public let reason: String
    /// Wants to change things too.
    public let wantsWrite: Bool
    public let openedAt: Timestamp
    public let expiresAt: Timestamp
    public var approvedBy: String?
    public var endedBy: String?
    public var endedAt: Timestamp?

    public init(
        number: Int64, tenant: String, person: String, reason: String, wantsWrite: Bool, openedAt: Timestamp,
        expiresAt: Timestamp, approvedBy: String? = nil, endedBy: String? = nil, endedAt: Timestamp? = nil
    ) {
        self.number = number
        self.tenant = tenant
        self.person = person
        self.reason = reason
        self.wantsWrite = wantsWrite
        self.openedAt = openedAt
        self.expiresAt = expiresAt
        self.approvedBy = approvedBy
        self.endedBy = endedBy
        self.endedAt = endedAt
    }

    public var name: String { "\(SupportSession.prefix)\(number)" }
    /// Of the names of their tokens; no other token begins so.
    public static let prefix = "support."

    public func state(at now: Timestamp) -> State {
        if endedBy != nil { return .ended }
        if expiresAt <= now { return .expired }
        return wantsWrite && approvedBy == nil ? .waiting : .open
    }

    /// What its token may do.
    public var role: Role { wantsWrite && approvedBy != nil ? .operator : .viewer }

    public func json(at now: Timestamp) -> JSONValue {
        [
            "session": .string(name), "state": .string(state(at: now).rawValue), "tenant": .string(tenant),
            "person": .string(person), "reason": .string(reason), "write": .bool(wantsWrite),
            "opened_at": .string(openedAt.iso8601), "expires_at": .string(expiresAt.iso8601),
            "approved_by": .init(approvedBy), "ended_by": .init(endedBy), "ended_at": .init(endedAt?.iso8601),
        ]
    }
}

/// `support open`
public struct SupportRequest: Hashable, Sendable {
    public let tenant: String
    public let reason: String
    public let life: Duration
    public let wantsWrite: Bool

    private static let usual = Duration.seconds(1_800)
    private static let longest = Duration.seconds(4 * 3_600)

    /// - Throws: `ERR_UX_USAGE`.
    public init(tenant: String, reason: String, life: Duration?, wantsWrite: Bool) throws(BatchError) {
        self.tenant = tenant
        self.reason = reason
        self.life = life ?? SupportRequest.usual
        self.wantsWrite = wantsWrite
        guard self.life <= SupportRequest.longest else {
            throw BatchError(.usage, "support lasts four hours at most", hint: "write it as 30m: --for 30m")
        }
        guard reason.utf8.count <= 1_000, reason.contains(where: { !$0.isWhitespace }) else {
            throw BatchError(.usage, "a reason is one line of text", hint: "--reason \"ticket 4711\"")
        }
    }
}

/// `support open`, `support approve`, `support end`
public struct SupportReport: Report, Hashable {
    public let session: SupportSession
    public let now: Timestamp
    /// The token, this once; nil when it was not made now.
    public let secret: String?

    public init(session: SupportSession, at now: Timestamp, secret: String? = nil) {
        self.session = session
        self.now = now
        self.secret = secret
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        (session.json(at: now).members ?? []) + JSONValue.Member.only("token", secret.map(JSONValue.string))
    }
}

/// `support list`
public struct SupportListReport: Report, Hashable {
    /// The latest first.
    public let sessions: [SupportSession]
    public let now: Timestamp

    public init(sessions: [SupportSession], at now: Timestamp) {
        self.sessions = sessions
        self.now = now
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("sessions", .array(sessions.map { $0.json(at: now) }))]
    }
}

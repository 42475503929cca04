public import BatchCore
internal import BatchLedger

/// Sessions of support. Every operation is one whole transaction, with a row in the audit.
public protocol SupportStore: AnyObject {
    /// The latest first.
    func supportSessions() throws(BatchError) -> [SupportSession]

    /// Opens one under the next number, and lets its token count.
    /// - Parameter hash: of the token.
    func openSupport(
        _ request: SupportRequest, person: String, hash: String, _ act: ControlAct
    ) throws(BatchError) -> SupportSession

    /// Changes one that is not over, and its token with it.
    /// - Parameter body: refuses by throwing; nothing is changed then.
    /// - Throws: `ERR_UX_UNKNOWN_NAME` when there is none of that number; `ERR_UX_WRONG_STATE` when it is over.
    func changeSupport(
        _ number: Int64, _ act: ControlAct, _ body: (inout SupportSession) throws(BatchError) -> Void
    ) throws(BatchError) -> SupportSession
}

extension ControlFile: SupportStore {
    private static let columns = """
        number, tenant, person, reason, writes, opened_at, expires_at, approved_by, ended_by, ended_at
        """

    public func supportSessions() throws(BatchError) -> [SupportSession] {
        try connection.rows("SELECT \(ControlFile.columns) FROM support_sessions ORDER BY number DESC").map { row in
            func text(_ place: Int) -> String { row[place].string ?? "" }
            func time(_ place: Int) -> Timestamp? { row[place].integer.map { Timestamp(milliseconds: $0) } }
            let zero = Timestamp(milliseconds: 0)
            return SupportSession(
                number: row[0].integer ?? 0, tenant: text(1), person: text(2), reason: text(3),
                wantsWrite: row[4].integer == 1, openedAt: time(5) ?? zero, expiresAt: time(6) ?? zero,
                approvedBy: row[7].string, endedBy: row[8].string, endedAt: time(9))
        }
    }

    public func openSupport(
        _ request: SupportRequest, person: String, hash: String, _ act: ControlAct
    ) throws(BatchError) -> SupportSession {
        try audited(act) { () throws(BatchError) in
            let end = Timestamp(milliseconds: act.at.milliseconds + request.life.wholeMilliseconds)
            let number = try connection.value("SELECT coalesce(max(number), 0) + 1 FROM support_sessions")?.integer ?? 1
            let session = SupportSession(
                number: number, tenant: request.tenant, person: person, reason: request.reason,
                wantsWrite: request.wantsWrite, openedAt: act.at, expiresAt: end)
            try connection.run(
                "INSERT INTO support_sessions VALUES(?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
                [
                    .integer(number), .string(session.tenant), .string(person), .string(session.reason),
                    .integer(session.wantsWrite ? 1 : 0), .integer(session.openedAt.milliseconds),
                    .integer(end.milliseconds),
                ])
            try insert(
                AccessToken(
                    name: session.name, person: person, role: session.role, tenant: session.tenant, hash: hash,
                    createdBy: act.actor, createdAt: act.at, expiresAt: end))
            return (session, session.json(at: act.at))
        }
    }

    public func changeSupport(
        _ number: Int64, _ act: ControlAct, _ body: (inout SupportSession) throws(BatchError) -> Void
    ) throws(BatchError) -> SupportSession {
        try audited(act) { () throws(BatchError) in
            guard var session = try supportSessions().first(where: { $0.number == number }) else {
                throw BatchError(
                    .unknownName, "there is no session \(SupportSession.prefix)\(number)",
                    hint: "see them: \(command: "support list")")
            }
            guard [.open, .waiting].contains(session.state(at: act.at)) else {
                throw BatchError(
                    .wrongState, "\(session.name) is over", hint: "see them: \(command: "support list")")
            }
            try body(&session)
            try connection.run(
                "UPDATE support_sessions SET approved_by = ?, ended_by = ?, ended_at = ? WHERE number = ?",
                [
                    .optional(session.approvedBy), .optional(session.endedBy),
                    session.endedAt.map { .integer($0.milliseconds) } ?? .null, .integer(number),
                ])
            try connection.run(
                "UPDATE access_tokens SET role = ?, revoked_by = ?, revoked_at = ? WHERE name = ?",
                [
                    .string(session.role.rawValue), .optional(session.endedBy),
                    session.endedAt.map { .integer($0.milliseconds) } ?? .null, .string(session.name),
                ])
            return (session, session.json(at: act.at))
        }
    }
}

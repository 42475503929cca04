public import BatchCore
internal import BatchLedger

extension ControlFile: TokenStore {
    public func accessTokens() throws(BatchError) -> [AccessToken] {
        let sql = """
            SELECT name, person, role, tenant, hash, created_by, created_at, expires_at, revoked_by, revoked_at \
            FROM access_tokens ORDER BY name
            """
        return try connection.rows(sql).map { (row) throws(BatchError) in
            guard let role = row[2].string.flatMap(Role.init) else {
                throw damaged("a token", table: "access_tokens", effect: "none is accepted")
            }
            func time(_ place: Int) -> Timestamp? { row[place].integer.map { Timestamp(milliseconds: $0) } }
            return AccessToken(
                name: row[0].string ?? "", person: row[1].string ?? "", role: role, tenant: row[3].string,
                hash: row[4].string ?? "", createdBy: row[5].string ?? "",
                createdAt: time(6) ?? Timestamp(milliseconds: 0), expiresAt: time(7), revokedBy: row[8].string,
                revokedAt: time(9))
        }
    }

    public func add(_ token: AccessToken, _ act: ControlAct) throws(BatchError) {
        try audited(act) { () throws(BatchError) in
            guard try !accessTokens().contains(where: { $0.name == token.name }) else {
                throw BatchError(
                    .wrongState, "there is or was already a token '\(token.name)'",
                    hint: "choose another name; see them: \(command: "token list")")
            }
            try insert(token)
            return ((), token.json)
        }
    }

    func insert(_ token: AccessToken) throws(BatchError) {
        try connection.run(
            "INSERT INTO access_tokens VALUES(?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            [
                .string(token.name), .string(token.person), .string(token.role.rawValue),
                .optional(token.tenant), .string(token.hash), .string(token.createdBy),
                .integer(token.createdAt.milliseconds), token.expiresAt.map { .integer($0.milliseconds) } ?? .null,
            ])
    }

    public func revokeToken(_ name: String, reason: String, _ act: ControlAct) throws(BatchError) -> AccessToken {
        try audited(act) { () throws(BatchError) in
            let known = try accessTokens().filter { $0.revokedBy == nil }
            guard var token = known.first(where: { $0.name == name }) else {
                throw BatchError(
                    .unknownName, "no valid token '\(name)'\(Suggestion.clause(for: name, in: known.map(\.name)))",
                    hint: "see them: \(command: "token list")")
            }
            token.revokedBy = act.actor
            token.revokedAt = act.at
            try connection.run(
                "UPDATE access_tokens SET revoked_by = ?, revoked_at = ? WHERE name = ?",
                [.string(act.actor), .integer(act.at.milliseconds), .string(name)])
            return (token, .object((token.json.members ?? []) + [.init("reason", .string(reason))]))
        }
    }
}

extension ControlFile: SettingStore {
    public func settings() throws(BatchError) -> [String: String] {
        let rows = try connection.rows("SELECT name, value FROM settings")
        return Dictionary(rows.map { ($0[0].string ?? "", $0[1].string ?? "") }) { first, _ in first }
    }

    public func set(_ settings: [(name: String, value: String)], _ act: ControlAct) throws(BatchError) {
        try audited(act) { () throws(BatchError) in
            for (name, value) in settings {
                try connection.run(
                    "INSERT OR REPLACE INTO settings VALUES(?, ?, ?, ?)",
                    [.string(name), .string(value), .string(act.actor), .integer(act.at.milliseconds)])
            }
            return ((), .object(settings.map { .init($0.name, .string($0.value)) }))
        }
    }
}

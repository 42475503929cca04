public import BatchCore
internal import BatchLedger

/// Keys that are trusted, and requests that were used.
extension ControlFile: KeyStore {
    public func trustedKeys() throws(BatchError) -> [TrustedKey] {
        let sql = """
            SELECT name, role, key, trusted_by, trusted_at, revoked_by, revoked_at FROM trusted_keys ORDER BY trusted_at
            """
        return try connection.rows(sql).map { (row) throws(BatchError) in
            guard let role = row[1].string.flatMap(Role.init), let at = row[4].string.flatMap(Timestamp.init(iso8601:))
            else {
                throw damaged("a key", table: "trusted_keys", effect: "none is accepted")
            }
            // A time of revoking that cannot be read is one nevertheless.
            return TrustedKey(
                name: row[0].string ?? "", role: role, key: row[2].string ?? "", trustedBy: row[3].string ?? "",
                trustedAt: at, revokedBy: row[5].string ?? (row[6] == .null ? nil : "?"),
                revokedAt: row[6].string.flatMap(Timestamp.init(iso8601:)))
        }
    }

    public func trust(_ key: TrustedKey, _ act: ControlAct) throws(BatchError) {
        try audited(act) { () throws(BatchError) in
            let known = try trustedKeys()
            if let same = known.first(where: { $0.key == key.key }) {
                throw BatchError(
                    .wrongState,
                    same.revokedBy == nil
                        ? "this key is already trusted, as \(same.name)" : "this key of \(same.name) was revoked",
                    hint:
                        "see the keys: \(command: "ops list"); make a new one: \(command: "ops keygen --name NAME --to FILE")"
                )
            }
            if let other = known.first(where: { PersonName.isSame($0.name, key.name) && $0.revokedBy == nil }) {
                throw BatchError(
                    .wrongState,
                    other.name == key.name
                        ? "\(key.name) already has another key"
                        : "\(key.name) looks like \(other.name), who already has a key",
                    hint: "revoke that one first: \(command: "ops revoke --name \(other.name) --reason TEXT")")
            }
            try connection.run(
                "INSERT INTO trusted_keys(key, name, role, trusted_by, trusted_at) VALUES(?, ?, ?, ?, ?)",
                [
                    .string(key.key), .string(key.name), .string(key.role.rawValue), .string(key.trustedBy),
                    .string(key.trustedAt.iso8601),
                ])
            return ((), key.json)
        }
    }

    public func revoke(_ name: String, reason: String, _ act: ControlAct) throws(BatchError) -> TrustedKey {
        try audited(act) { () throws(BatchError) in
            let known = try trustedKeys().filter { $0.revokedBy == nil }
            guard var key = known.first(where: { $0.name == name }) else {
                throw BatchError(
                    .unknownName,
                    "no key is trusted for '\(name)'\(Suggestion.clause(for: name, in: known.map(\.name)))",
                    hint: "see the keys: \(command: "ops list")")
            }
            key.revokedBy = act.actor
            key.revokedAt = act.at
            try connection.run(
                "UPDATE trusted_keys SET revoked_by = ?, revoked_at = ? WHERE key = ?",
                [.string(act.actor), .optional(key.revokedAt?.iso8601), .string(key.key)])
            return (key, .object((key.json.members ?? []) + [.init("reason", .string(reason))]))
        }
    }

    public func usedRequests(limit: Int) throws(BatchError) -> [UsedRequest] {
        try used("1 ORDER BY at DESC, rowid DESC LIMIT \(limit)")
    }

    private func used(_ condition: String, _ parameters: [SQLValue] = []) throws(BatchError) -> [UsedRequest] {
        let sql = "SELECT nonce, signer, action, subject, at, outcome FROM used_requests WHERE \(condition)"
        return try connection.rows(sql, parameters).map { row in
            UsedRequest(
                nonce: row[0].string ?? "", signer: row[1].string ?? "", action: row[2].string ?? "",
                subject: row[3].string ?? "",
                at: row[4].string.flatMap(Timestamp.init(iso8601:)) ?? Timestamp(milliseconds: 0),
                outcome: row[5].string ?? "")
        }
    }

    public func claim(
        _ request: OpsRequest, _ act: ControlAct, setting: (TrustedKey) -> SwitchState?
    ) throws(BatchError) -> (signer: TrustedKey, old: SwitchValue?) {
        var act = act
        // Until the key is known, nobody has said anything in the name of the signer.
        let submitter = act.actor
        let known = try signer(of: request)
        act.actor = known.name
        return try audited(act) { () throws(BatchError) in
            let signer = try signer(of: request)
            if let earlier = try used("nonce = ?", [.string(request.nonce)]).first { throw ControlFile.used(earlier) }
            try connection.run(
                "INSERT INTO used_requests VALUES(?, ?, ?, ?, ?, 'accepted')",
                [
                    .string(request.nonce), .string(signer.name), .string(request.action.name),
                    .string(request.action.subject), .string(act.at.iso8601),
                ])
            let old = try setting(signer).map { (state) throws(BatchError) in try write(state) }
            return ((signer, old), .object(request.words + [.init("submitted_by", .string(submitter))]))
        }
    }

    private func signer(of request: OpsRequest) throws(BatchError) -> TrustedKey {
        let text = Hex.string(request.key)
        let hint: Hint =
            "see the keys: \(command: "ops list"); an admin trusts them: \(command: "ops trust --name NAME --key FILE.pub --role ROLE")"
        guard let key = try trustedKeys().first(where: { $0.key == text }) else {
            throw BatchError(
                .untrustedKey, "the key \(text.prefix(16))… of '\(request.signer)' is not trusted", hint: hint)
        }
        if let by = key.revokedBy {
            throw BatchError(.untrustedKey, "the key of \(key.name) was revoked by \(by)", hint: hint)
        }
        guard key.name == request.signer else {
            throw BatchError(
                .untrustedKey, "the key of '\(request.signer)' is trusted here as \(key.name), not under that name",
                hint: hint)
        }
        guard key.role.includes(request.action.role) else {
            throw BatchError(
                .role,
                "\(key.name) has the role \(key.role.rawValue), and to \(request.action.name) needs \(request.action.role.rawValue)",
                hint: "ask somebody who has it; see the keys: \(command: "ops list")")
        }
        return key
    }

    private static func used(_ earlier: UsedRequest) -> BatchError {
        let what = "\(earlier.action) \(earlier.subject), signed by \(earlier.signer)"
        return BatchError(
            .requestUsed,
            earlier.outcome == "accepted"
                ? "this request was used at \(earlier.at.iso8601) (\(what)), and its result was not noted"
                : "this request was used at \(earlier.at.iso8601) (\(what)): \(earlier.outcome)",
            hint:
                "see what was done: \(command: "list"); to do it again, sign a new request: \(command: "ops sign --request FILE --key KEY --to FILE")"
        )
    }

    public func noteOutcome(_ outcome: String, of nonce: String) throws(BatchError) {
        try connection.run("UPDATE used_requests SET outcome = ? WHERE nonce = ?", [.string(outcome), .string(nonce)])
    }
}

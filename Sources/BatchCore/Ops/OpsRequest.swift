/// A request with all that is signed: what, where, who, once, and until when.
public struct OpsRequest: Hashable, Sendable {
    public static let format = "batchmgr request 1"
    /// A larger file is no request.
    public static let largestSize = 64 << 10
    /// Milliseconds between signing and expiry, at most: a week.
    public static let longestLife: Int64 = 7 * 86_400_000
    /// How far the clock of the signer may be ahead of this one, in milliseconds.
    public static let clockSkew: Int64 = 300_000

    public let action: Action
    /// Workspace and database that it was made for: `ID/NAME`.
    public let target: String
    /// Used once.
    public let nonce: String
    public let issued: Timestamp
    public let expires: Timestamp
    public let signer: String
    /// The public key, 32 bytes.
    public let key: [UInt8]
    /// The members as they are signed.
    public let json: JSONValue

    /// The members around the action, in their order.
    private static let envelope = ["format", "target", "nonce", "issued", "expires", "signer", "key"]

    /// - Parameter action: the members that say what to do.
    /// - Throws: `ERR_UX_INVALID_REQUEST` and what else is wrong with the action.
    public init(
        _ action: [JSONValue.Member], target: String, nonce: String, issued: Timestamp, expires: Timestamp,
        signer: String, key: [UInt8]
    ) throws(BatchError) {
        let envelope: [JSONValue.Member] = [
            .init("format", .string(OpsRequest.format)), .init("target", .string(target)),
            .init("nonce", .string(nonce)), .init("issued", .string(issued.iso8601)),
            .init("expires", .string(expires.iso8601)), .init("signer", .string(signer)),
            .init("key", .string(Hex.string(key))),
        ]
        try self.init(json: .object(envelope + action))
    }

    /// - Throws: `ERR_UX_INVALID_REQUEST` and what else is wrong with the action.
    public init(json: JSONValue) throws(BatchError) {
        let members = json.members ?? []
        let envelope = members.prefix(OpsRequest.envelope.count)
        guard envelope.map(\.key) == OpsRequest.envelope, json["format"]?.string == OpsRequest.format,
            let target = json["target"]?.string, let nonce = json["nonce"]?.string, nonce.utf8.count == 32,
            Hex.bytes(nonce) != nil, let issued = json["issued"]?.string.flatMap(Timestamp.init(iso8601:)),
            let expires = json["expires"]?.string.flatMap(Timestamp.init(iso8601:)),
            let signer = json["signer"]?.string, let key = json["key"]?.string.flatMap({ Hex.bytes($0) }),
            key.count == 32
        else { throw BatchError.invalidRequest("the file is not a signed request") }
        self.target = target
        self.nonce = nonce
        self.issued = issued
        self.expires = expires
        self.signer = signer
        self.key = key
        self.json = json
        action = try OpsActionReader.read(Array(members.dropFirst(envelope.count)))
    }

    /// What the audit says of it.
    public var words: [JSONValue.Member] {
        [
            .init("request", .string(action.name)), .init("subject", .string(action.subject)),
            .init("nonce", .string(nonce)), .init("signer", .string(signer)), .init("key", .string(Hex.string(key))),
        ]
    }

    /// What is signed: the members in their order, written without spaces.
    public var signedBytes: [UInt8] { Array(JSONWriter.text(json).utf8) }

    /// - Throws: `ERR_SECURITY_REQUEST_EXPIRED` when it is not for this time.
    public func requireTime(_ now: Timestamp) throws(BatchError) {
        let hint: Hint = "sign a new one: \(command: "ops sign --request FILE --key KEY --to FILE")"
        guard now < expires else {
            throw BatchError(.requestExpired, "request \(nonce) expired at \(expires.iso8601)", hint: hint)
        }
        guard issued.milliseconds - now.milliseconds <= OpsRequest.clockSkew else {
            throw BatchError(
                .requestExpired, "request \(nonce) is from the future: it was signed at \(issued.iso8601)",
                hint: "set the clocks right; \(hint)")
        }
        guard expires.milliseconds - issued.milliseconds <= OpsRequest.longestLife else {
            throw BatchError(.requestExpired, "request \(nonce) would be valid for more than a week", hint: hint)
        }
    }
}

extension OpsRequest {
    /// What a signed request asks for.
    public enum Action: Hashable, Sendable {
        /// A job of the catalog; `assignments` as `--set` takes them.
        case run(job: String, tenant: String?, assignments: [String], key: String?)
        /// Exactly this batch: the latest one may be another when the request arrives.
        case rollback(batch: BatchID, tenant: String?, mode: RollbackMode, checkpoint: Int?)
        case approve(plan: PatchPlanID, tenant: String?)
        case switching(SwitchRequest)

        public static let names = ["run", "rollback", "approve", "switch"]

        public var name: String {
            switch self {
            case .run: "run"
            case .rollback: "rollback"
            case .approve: "approve"
            case .switching: "switch"
            }
        }

        /// What it is about, for people.
        public var subject: String {
            switch self {
            case .run(let job, _, _, _): job
            case .rollback(let batch, _, _, _): "\(batch)"
            case .approve(let plan, _): "\(plan)"
            case .switching(let request): "\(request.name) \(request.value.rawValue)"
            }
        }

        public var tenant: String? {
            switch self {
            case .run(_, let tenant, _, _), .rollback(_, let tenant, _, _), .approve(_, let tenant): tenant
            case .switching: nil
            }
        }

        /// The signer needs it.
        public var role: Role {
            switch self {
            case .run, .rollback: .operator
            case .approve: .approver
            case .switching: .admin
            }
        }
    }
}

/// Reads the action of a request. What it does not know is an error: nothing that was signed is passed over.
public struct OpsActionReader {
    private let members: [JSONValue.Member]
    private let json: JSONValue

    /// The keys of each action, those that must be there first.
    private static let keys: [String: (needed: [String], others: [String])] = [
        "run": (["job"], ["tenant", "set", "key"]), "rollback": (["batch"], ["tenant", "mode", "to"]),
        "approve": (["plan"], ["tenant"]), "switch": (["switch", "value", "reason"], ["for"]),
    ]

    /// - Parameter members: of the request, without those of the envelope.
    /// - Throws: `ERR_UX_INVALID_REQUEST`, `ERR_UX_UNKNOWN_SWITCH`, `ERR_UX_USAGE`.
    public static func read(_ members: [JSONValue.Member]) throws(BatchError) -> OpsRequest.Action {
        try OpsActionReader(members: members, json: .object(members)).action()
    }

    private func action() throws(BatchError) -> OpsRequest.Action {
        guard let name = json["action"]?.string, let keys = OpsActionReader.keys[name] else {
            let found = json["action"]?.string ?? ""
            throw BatchError.invalidRequest(
                "the request has no action that is known\(Suggestion.clause(for: found, in: OpsRequest.Action.names))")
        }
        try checkKeys(name, keys.needed, keys.others)
        switch name {
        case "run":
            return .run(
                job: try job(), tenant: try text("tenant"), assignments: try assignments(), key: try text("key"))
        case "rollback":
            return .rollback(
                batch: try batch(), tenant: try text("tenant"), mode: try mode(),
                checkpoint: try checkpoint())
        case "approve": return .approve(plan: try plan(), tenant: try text("tenant"))
        default:
            return .switching(
                try SwitchRequest(
                    name: try needed("switch"), value: try needed("value"), reason: try needed("reason"),
                    duration: try text("for")))
        }
    }

    private func checkKeys(_ name: String, _ needed: [String], _ others: [String]) throws(BatchError) {
        let known = ["action"] + needed + others
        var seen: Set<String> = []
        for member in members {
            guard known.contains(member.key) else {
                throw BatchError.invalidRequest(
                    "a request to \(name) has no key '\(member.key)'\(Suggestion.clause(for: member.key, in: known))")
            }
            guard seen.insert(member.key).inserted else {
                throw BatchError.invalidRequest("the key '\(member.key)' is given twice")
            }
        }
        for key in needed where json[key] == nil {
            throw BatchError.invalidRequest("a request to \(name) needs the key '\(key)'")
        }
    }

    // MARK: Values

    private func needed(_ key: String) throws(BatchError) -> String {
        guard let text = try text(key) else { throw BatchError.invalidRequest("the key '\(key)' is null") }
        return text
    }

    private func text(_ key: String) throws(BatchError) -> String? {
        guard let value = json[key], value != .null else { return nil }
        guard let text = value.string, !text.isEmpty else {
            throw BatchError.invalidRequest("'\(key)' must be text that is not empty")
        }
        return text
    }

    private func job() throws(BatchError) -> String {
        let job = try needed("job")
        guard JobID.isValid(job) else { throw BatchError.invalidRequest("'\(job)' is not a name of a job") }
        return job
    }

    private func batch() throws(BatchError) -> BatchID {
        let text = try needed("batch")
        guard let batch = BatchID(text) else {
            throw BatchError.invalidRequest("'\(text)' is not a batch: a request names it in full, as JOB.NUMBER")
        }
        return batch
    }

    private func plan() throws(BatchError) -> PatchPlanID {
        let text = try needed("plan")
        guard let plan = PatchPlanID(text) else {
            throw BatchError.invalidRequest("'\(text)' is not a plan: a request names it as plan.NUMBER")
        }
        return plan
    }

    private func mode() throws(BatchError) -> RollbackMode {
        guard let text = try text("mode") else { return .restrict }
        guard let mode = RollbackMode(rawValue: text) else {
            let known = RollbackMode.allCases.map(\.rawValue)
            throw BatchError.invalidRequest("'\(text)' is not a mode\(Suggestion.clause(for: text, in: known))")
        }
        return mode
    }

    private func checkpoint() throws(BatchError) -> Int? {
        guard let value = json["to"], value != .null else { return nil }
        guard let number = value.integer.flatMap({ Int(exactly: $0) }), number > 0 else {
            throw BatchError.invalidRequest("'to' must be the number of a checkpoint")
        }
        return number
    }

    private func assignments() throws(BatchError) -> [String] {
        guard let value = json["set"], value != .null else { return [] }
        guard let members = value.members else { throw BatchError.invalidRequest("'set' must be an object") }
        guard Set(members.map(\.key)).count == members.count else {
            throw BatchError.invalidRequest("'set' names a parameter twice")
        }
        return try members.map { (member) throws(BatchError) in
            switch member.value {
            case .string(let text): return "\(member.key)=\(text)"
            case .integer(let number): return "\(member.key)=\(number)"
            case .number(let number): return "\(member.key)=\(number)"
            case .bool(let flag): return "\(member.key)=\(flag)"
            case .null, .array, .object:
                throw BatchError.invalidRequest("parameter '\(member.key)' must be text, a number, true or false")
            }
        }
    }
}

extension BatchError {
    /// A file that is no request.
    static func invalidRequest(_ message: String) -> BatchError {
        BatchError(.invalidRequest, message, hint: "how requests are written: docs/ops.md")
    }
}

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
    public static func read(_ members: [JSONValue.Member]) throws(BatchError) -> OpsAction {
        try OpsActionReader(members: members, json: .object(members)).action()
    }

    private func action() throws(BatchError) -> OpsAction {
        guard let name = json["action"]?.string, let keys = OpsActionReader.keys[name] else {
            let found = json["action"]?.string ?? ""
            throw BatchError.invalidRequest(
                "the request has no action that is known\(Suggestion.clause(for: found, in: OpsAction.names))")
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
                throw BatchError.invalidRequest("the key '\(member.key)' is there twice")
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
            throw BatchError.invalidRequest("'\(key)' must be a text that is not empty")
        }
        return text
    }

    private func job() throws(BatchError) -> String {
        let job = try needed("job")
        guard JobID.isValid(job) else { throw BatchError.invalidRequest("'\(job)' is no name of a job") }
        return job
    }

    private func batch() throws(BatchError) -> BatchID {
        let text = try needed("batch")
        guard let batch = BatchID(text) else {
            throw BatchError.invalidRequest("'\(text)' is no batch: a request names it in full, as JOB.NUMBER")
        }
        return batch
    }

    private func plan() throws(BatchError) -> PlanID {
        let text = try needed("plan")
        guard let plan = PlanID(text) else {
            throw BatchError.invalidRequest("'\(text)' is no plan: a request names it as plan.NUMBER")
        }
        return plan
    }

    private func mode() throws(BatchError) -> RollbackMode {
        guard let text = try text("mode") else { return .restrict }
        guard let mode = RollbackMode(rawValue: text) else {
            let known = RollbackMode.allCases.map(\.rawValue)
            throw BatchError.invalidRequest("'\(text)' is no mode\(Suggestion.clause(for: text, in: known))")
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
                throw BatchError.invalidRequest("parameter '\(member.key)' must be a text, a number, true or false")
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

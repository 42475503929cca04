/// `plan show`, `plan approve`, `plan reject` and `plan apply`
public struct PlanRequest: Hashable, Sendable {
    /// Which statements of a plan to show.
    public enum Direction: String, Sendable, CaseIterable {
        case forward, back
    }

    public let id: PlanID
    /// The name of the approver; nil for the user who typed the command.
    public let approver: String?
    public let reason: String?
    public let sql: Direction?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        let text = try arguments.required("id")
        guard let id = PlanID(text) else {
            throw BatchError(
                .usage, "'\(text)' names no plan: plan.NUMBER", hint: "see the plans: \(command: "plan list")")
        }
        self.id = id
        approver = try PlanRequest.words("as", arguments)
        reason = try PlanRequest.words("reason", arguments)
        sql = arguments.value("sql").flatMap { Direction(rawValue: $0) }
    }

    /// - Throws: `ERR_UX_USAGE` for a value of nothing but spaces.
    private static func words(_ name: String, _ arguments: ParsedArguments) throws(BatchError) -> String? {
        guard let text = arguments.value(name) else { return nil }
        guard text.contains(where: { !$0.isWhitespace }) else { throw .usage("--\(name) is empty", arguments.verb) }
        return text
    }
}

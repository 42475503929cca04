public import BatchCore
internal import BatchEngine

extension Verb {
    public static let planList = Verb(
        "plan list", "list patch plans, the latest first",
        options: [.value("status", .choice(PatchPlanStatus.allCases.map(\.rawValue)), "only plans of this status")],
        topic: .govern, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr plan list --status proposed", "what waits for approval?")])

    public static let planShow = Verb(
        "plan show", "show what a plan would change: rows, SQL, checks, who else is affected",
        options: [
            plan,
            .value(
                "sql", .choice(PatchPlanRequest.Direction.allCases.map(\.rawValue)),
                "only the SQL: of the change (forward, the default), or of its undo (back)"
            ).alone(PatchPlanRequest.Direction.forward.rawValue),
            .all,
        ],
        topic: .govern, role: .viewer,
        trace: .view,
        examples: [
            .init("batchmgr plan show --id plan.4", "read it before approving it"),
            .init("batchmgr plan show plan.4 --sql", "the SQL that it would run"),
            .init("batchmgr plan show --id plan.4 --sql back", "how would it be undone?"),
        ])

    public static let planApprove = Verb(
        "plan approve", "approve a plan: it may be applied once, exactly as it is",
        details: """
            The approver must be somebody other than the author of the plan. The approval is signed with the key of the \
            workspace. A plan that has expired, was edited, or no longer fits the database is refused.
            """,
        options: [
            plan, .value("as", .text("NAME"), "the name of the approver (default: the user who types)"),
        ],
        topic: .govern, role: .approver,
        examples: [.init("batchmgr plan approve --id plan.4 --as grace", "a second pair of eyes")])

    public static let planReject = Verb(
        "plan reject", "reject a plan, also an approved one that was not applied yet",
        options: [
            plan, .required("reason", .text("TEXT"), "why; it is kept with the plan"),
            .value("as", .text("NAME"), "who rejects it (default: the user who types)"),
        ],
        topic: .govern, role: .approver,
        examples: [.init("batchmgr plan reject --id plan.4 --reason \"wrong quarter\"", "it will never be applied")])

    public static let planApply = Verb(
        "plan apply", "apply an approved plan as a batch",
        details: """
            Refused when the ledger, the schema or the rows have changed since the plan was made, and undone when the \
            changes are not exactly those of the plan. The batch can be rolled back like any other. Exit 7: nobody has \
            approved the plan yet.
            """,
        options: [plan],
        topic: .govern, role: .operator,
        examples: [.init("batchmgr plan apply --id plan.4", "do what was approved")])

    private static let plan = Option.required("id", .text("PLAN"), "the plan: plan.4, or 4").main
}

/// `plan show`, `plan approve`, `plan reject` and `plan apply`
public struct PatchPlanRequest: Hashable, Sendable {
    /// Which statements of a plan to show.
    public enum Direction: String, Sendable, CaseIterable {
        case forward, back
    }

    public let id: PatchPlanID
    /// The name of the approver; nil for the user who typed the command.
    public let approver: String?
    public let reason: String?
    public let sql: Direction?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        let text = try arguments.required("id")
        guard let id = PatchPlanID(text) else {
            throw BatchError(
                .usage, "'\(text)' does not name a plan: write plan.NUMBER",
                hint: "see the plans: \(command: "plan list")")
        }
        self.id = id
        approver = try PatchPlanRequest.words("as", arguments)
        reason = try PatchPlanRequest.words("reason", arguments)
        sql = arguments.value("sql").flatMap { Direction(rawValue: $0) }
    }

    /// - Throws: `ERR_UX_USAGE` for a value of nothing but spaces.
    private static func words(_ name: String, _ arguments: ParsedArguments) throws(BatchError) -> String? {
        guard let text = arguments.value(name) else { return nil }
        guard text.contains(where: { !$0.isWhitespace }) else { throw .usage("--\(name) is empty", arguments.verb) }
        return text
    }
}

extension Command {
    static let planList = Command(.planList) { (arguments, call) throws(BatchError) in
        let status = arguments.value("status").flatMap { PatchPlanStatus(rawValue: $0) }
        try call.output.show(try PatchPlans(try call.view()).list(status))
        return .done
    }

    static let planShow = Command(.planShow) { (arguments, call) throws(BatchError) in
        let request = try PatchPlanRequest(arguments)
        let plan = try PatchPlans(try call.view()).show(request.id)
        if let sql = request.sql {
            try call.output.show(plan, text: plan.sql(sql))
        } else {
            try call.output.show(plan)
        }
        return .done
    }

    static let planApprove = Command(.planApprove) { (arguments, call) throws(BatchError) in
        let request = try PatchPlanRequest(arguments)
        let plans = try PatchPlans(try call.session())
        try call.output.show(try plans.approve(request.id, as: request.approver))
        return .done
    }

    static let planReject = Command(.planReject) { (arguments, call) throws(BatchError) in
        let request = try PatchPlanRequest(arguments)
        let reason = try arguments.required("reason")
        let plans = try PatchPlans(try call.session())
        try call.output.show(try plans.reject(request.id, because: reason, as: request.approver))
        return .done
    }

    static let planApply = Command(.planApply) { (arguments, call) throws(BatchError) in
        let request = try PatchPlanRequest(arguments)
        let report = try PatchPlans(try call.session()).apply(request.id)
        try call.output.show(report)
        return report.exitCode
    }
}

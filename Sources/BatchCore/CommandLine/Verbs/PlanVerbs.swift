/// Verbs about patch plans.
extension Verb {
    public static let planList = Verb(
        "plan list", "list patch plans, the latest first",
        options: [.value("status", .choice(PlanStatus.allCases.map(\.rawValue)), "only plans of this status")],
        trace: .view,
        examples: [.init("batchmgr plan list --status proposed", "what waits for approval?")])

    public static let planShow = Verb(
        "plan show", "show what a plan would change: rows, SQL, checks, who else is concerned",
        options: [
            plan,
            .value("sql", .choice(PlanRequest.Direction.allCases.map(\.rawValue)), "only the SQL, forward or back"),
        ],
        trace: .view,
        examples: [
            .init("batchmgr plan show --id plan.4", "read it before approving it"),
            .init("batchmgr plan show --id plan.4 --sql back", "how would it be taken back?"),
        ])

    public static let planApprove = Verb(
        "plan approve", "approve a plan: it may be applied once, exactly as it is",
        details: """
            The approver must be somebody else than the author of the plan. The approval is signed with the key of the \
            workspace. A plan that has expired, was edited, or is of a state that is gone is refused.
            """,
        options: [
            plan, .value("as", .text("NAME"), "the name of the approver (default: the user who types)"),
        ],
        examples: [.init("batchmgr plan approve --id plan.4 --as grace", "a second pair of eyes")])

    public static let planReject = Verb(
        "plan reject", "reject a plan, also an approved one that was not applied yet",
        options: [
            plan, .required("reason", .text("TEXT"), "why; it is kept with the plan"),
            .value("as", .text("NAME"), "who rejects it (default: the user who types)"),
        ],
        examples: [.init("batchmgr plan reject --id plan.4 --reason \"wrong quarter\"", "it will never be applied")])

    public static let planApply = Verb(
        "plan apply", "apply an approved plan as a batch",
        details: """
            Refused when the ledger, the schema or the rows have moved since the plan was made, and taken back when the \
            changes are not exactly those of the plan. The batch can be rolled back like any other. Exit 7: nobody has \
            approved the plan yet.
            """,
        options: [plan],
        examples: [.init("batchmgr plan apply --id plan.4", "do what was approved")])

    private static let plan = Option.required("id", .text("PLAN"), "the plan: plan.4, or 4")
}

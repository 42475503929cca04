/// What a signed request asks for.
public enum OpsAction: Hashable, Sendable {
    /// A job of the catalog; `assignments` as `--set` takes them.
    case run(job: String, tenant: String?, assignments: [String], key: String?)
    /// Exactly this batch: the latest one may be another when the request arrives.
    case rollback(batch: BatchID, tenant: String?, mode: RollbackMode, checkpoint: Int?)
    case approve(plan: PlanID, tenant: String?)
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

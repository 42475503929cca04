/// What somebody may do in a workspace.
public enum Role: String, Hashable, Sendable, CaseIterable {
    /// Looks.
    case viewer
    /// Runs, resumes, stops and undoes batches.
    case `operator`
    /// Approves and rejects plans.
    case approver
    /// Looks at a tenant on its behalf, for a short time.
    case support
    /// Everything, also switches, guards, trust, erasing and pruning.
    case admin

    /// Everybody with a role may look; running and approving are two hands on purpose.
    public func includes(_ role: Role) -> Bool { self == .admin || self == role || role == .viewer }
}

/// Who has which role at the terminal, as `batchmgr.yaml` says.
public struct RoleList: Hashable, Sendable {
    /// Names of users of the operating system.
    public let users: [Role: Set<String>]

    public init(_ users: [Role: Set<String>]) { self.users = users }

    public func allows(_ user: String, _ role: Role) -> Bool {
        users.contains { $0.key.includes(role) && $0.value.contains(user) }
    }

    public func roles(of user: String) -> [Role] { Role.allCases.filter { users[$0]?.contains(user) ?? false } }
}

public import BatchCore

/// Asks whether the user of this process has the role that something takes.
public struct RoleGate {
    private let workspace: Workspace
    private let user: String
    private let now: @Sendable () -> Timestamp

    /// - Parameter user: of the operating system.
    public init(_ workspace: Workspace, user: String, now: @escaping @Sendable () -> Timestamp) {
        self.workspace = workspace
        self.user = user
        self.now = now
    }

    /// - Throws: `ERR_SECURITY_ROLE`; the refusal is noted.
    public func require(_ role: Role, for verb: String) throws(BatchError) {
        guard let roles = workspace.roles, !roles.allows(user, role) else { return }
        let own = roles.roles(of: user).map(\.rawValue).joined(separator: ", ")
        let error = BatchError(
            .role, "'\(verb)' takes the role \(role.rawValue), and \(user) has \(own.isEmpty ? "none" : own) here",
            hint: "ask somebody who has it: roles in \(Workspace.fileName)")
        // Somebody without a role may not be able to write here either.
        try? ControlFile(folder: workspace.backups).note(
            verb, actor: user, outcome: "refused", details: ["error": .string(error.code.rawValue)], at: now())
        throw error
    }
}

extension Workspace {
    /// The workspace that a database named by its path belongs to; nil when it belongs to none.
    public static func governing(database path: String) -> Workspace? {
        let absolute = FolderText.resolved(path) ?? FolderText.join(FolderText.current, path)
        guard let workspace = try? find(from: FolderText.parent(absolute)) else { return nil }
        let isOwn = workspace.databases.contains { database in
            let parts = database.path.split(separator: "{tenant}", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return (FolderText.resolved(database.path) ?? database.path) == absolute }
            return absolute.hasPrefix(parts[0]) && absolute.hasSuffix(parts[1])
        }
        return isOwn ? workspace : nil
    }
}

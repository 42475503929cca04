internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import Glibc

/// The one place where a verb is held against the roles of the workspace.
struct RoleCheck {
    private let arguments: ParsedArguments
    /// Nil where there are no roles.
    private let gate: RoleGate?

    /// Call it before anything asks who acts.
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION`.
    init(_ arguments: ParsedArguments, _ context: CommandContext) throws(BatchError) {
        self.arguments = arguments
        guard VerbRoles.role(for: arguments.verb.name) != nil,
            let workspace = try RoleCheck.workspace(context)?.governing
        else {
            gate = nil
            return
        }
        // Who acts is not a matter of taste where it decides what may be done.
        unsetenv("BATCHMGR_ACTOR")
        gate = RoleGate(workspace, user: Context.system().actor)
    }

    /// Nil when there is none: then the verb says so, or needs none.
    private static func workspace(_ context: CommandContext) throws(BatchError) -> Workspace? {
        do throws(BatchError) {
            return try context.workspace()
        } catch {
            guard error.code == .noWorkspace else { throw error }
            return nil
        }
    }

    /// - Throws: `ERR_SECURITY_ROLE`.
    func require() throws(BatchError) {
        guard let gate, let role = VerbRoles.role(for: arguments.verb.name) else { return }
        try gate.require(role, for: arguments.verb.name)
        if let name = arguments.value("as") { try gate.requireOwnName(name, for: arguments.verb.name) }
    }
}

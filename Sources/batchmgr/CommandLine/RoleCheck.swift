internal import BatchCore
internal import BatchEngine
internal import Glibc

/// The one place where a verb is held against the roles of the workspace.
enum RoleCheck {
    /// - Throws: `ERR_SECURITY_ROLE`, `ERR_UX_INVALID_CONFIGURATION`.
    static func require(_ verb: Verb, _ context: CommandContext) throws(BatchError) {
        guard let role = VerbRoles.role(for: verb.name), let workspace = try workspace(context)?.governing
        else { return }
        // Who acts is not a matter of taste where it decides what may be done.
        unsetenv("BATCHMGR_ACTOR")
        let system = Context.system()
        try RoleGate(workspace, user: system.actor, now: system.now).require(role, for: verb.name)
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
}

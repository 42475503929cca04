internal import BatchCatalog
internal import BatchCore
internal import BatchLedger

extension Session {
    /// A crash may have left something: a batch without a process, a restore point that is not written.
    var mayHaveLeftovers: Bool {
        do throws(BatchError) {
            guard try ledger.exists() else { return false }
            let points = try ledger.points(where: "status = 'pending'")
            let batches = try ledger.batches(where: "status = 'running'")
            return !points.isEmpty || !batches.isEmpty
        } catch { return false }
    }

    /// Completes what a crash left, unless somebody is at work on the database.
    ///
    /// It is called by commands that only look: what cannot be completed now, because the disk is full or the folder is
    /// read-only, does not keep them from looking. They say why.
    static func completeLeftovers(_ workspace: Workspace, _ tenant: String?, _ context: Context) {
        do throws(BatchError) {
            let session = try Session(workspace, tenant: tenant, context: context)
            let control = try session.control()
            let lease = try Lease(
                control, folder: session.controlFolder, database: session.path, work: "recovery", context: context)
            defer { withExtendedLifetime(lease) {} }
            try Preparation(session: session, control: control).recover()
            // What it noted is behind the last commit, where no other command may sign it.
            try AuditTrail.signHeads(session, backups: session.backups)
        } catch {
            // Whoever is at work completes it.
            if error.code == .busy { return }
            context.log.write(
                .warn, "recovery.left", "what an earlier command left is not completed: \(error.logMessage)",
                module: .recovery, error: error, warning: .pendingPoint)
            context.warn(
                Warning(.pendingPoint, "what an earlier command left is not completed: \(error.message)"),
                "correct that, then look again: \(command: "points")")
        }
    }
}

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
    /// read-only, does not keep them from looking. The next command that writes says what is wrong.
    func completeLeftovers() {
        do throws(BatchError) {
            let control = try ControlFile(folder: controlFolder)
            let lease = try Lease(control, folder: controlFolder, database: path, work: "recovery", context: context)
            defer { withExtendedLifetime(lease) {} }
            try Preparation(session: self, control: control).recover()
            // What it noted is behind the last commit, where no other command may sign it.
            try AuditTrail.signHeads(self, backups: backups)
        } catch { return }
    }
}

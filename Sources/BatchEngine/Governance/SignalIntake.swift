public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchLedger

/// Takes over what applications said by `batch_signal` in their own transactions.
public struct SignalIntake {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// Looks at each database. One that is at work or cannot be opened now is looked at the next time.
    public func perform() throws(BatchError) {
        guard workspace.file != nil else { return }
        for (database, tenant) in try DatabaseList(workspace).all() {
            do throws(BatchError) {
                try take(Session(workspace, database: database.name, tenant: tenant, context: context))
            } catch {
                context.log.write(
                    .debug, "signal.intake", "signals of \(database.name) could not be collected: \(error.logMessage)",
                    module: .runner, error: error)
            }
        }
    }

    private func take(_ session: Session) throws(BatchError) {
        guard try session.hasNewSignals() else { return }
        let turn = try session.plainTurn(for: LeaseWork("signal"))
        defer { withExtendedLifetime(turn) {} }
        let watch = DriftDetection(session: session)
        let isKnown = watch.isKnownUntouched()
        let version = session.connection.dataVersion
        try session.ledger.complete()
        try session.followSignals()
        if isKnown { watch.remember(version: version) }
    }
}

extension Session {
    fileprivate func hasNewSignals() throws(BatchError) -> Bool {
        guard try ledger.exists() else { return false }
        if try ledger.declaredSignals() ?? [:] != workspace.signals { return true }
        return try ledger.hasWaitingSignals()
    }

    /// Tells the ledger which signals are declared, and takes over those that wait in it. Call it in a turn.
    func followSignals() throws(BatchError) {
        guard workspace.file != nil, try ledger.exists() else { return }
        if try ledger.declaredSignals() ?? [:] != workspace.signals {
            try connection.transaction { () throws(BatchError) in try ledger.declare(workspace.signals) }
        }
        guard let id = try databaseID else { return }
        while let signals = try ledger.handOverSignals(context.randomID) {
            try control().take(signals, of: id, tenant: database.tenancy == .file ? tenant : nil)
            context.reach("signals-taken")
            try ledger.forgetSignals(signals)
        }
    }
}

internal import BatchCatalog
public import BatchCore
internal import BatchLedger

/// Puts the guard of a database in and out, and keeps it up to date.
public struct GuardSetting {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    /// Changes the mode. What was changed outside any batch until now is kept first.
    /// - Throws: `ERR_UX_WRONG_STATE` when `batchmgr.yaml` says otherwise; `ERR_PERF_BUSY`.
    public func set(_ mode: GuardMode) throws(BatchError) -> GuardReport {
        try session.requireOperator("guard set")
        if let declared = session.database.guardMode, declared != mode {
            throw BatchError(
                .wrongState,
                "\(Workspace.fileName) says 'guard: \(declared.rawValue)' for database \(session.database.name)",
                hint: "change it there; the next batch follows it")
        }
        let turn = try session.turn(for: LeaseWork("guard set"))
        for _ in 0..<10 {
            let version = session.connection.dataVersion
            _ = try turn.openHistory()
            session.context.noteStage(.committing)
            if try install(mode, since: version) {
                try session.ledger.audit(
                    session.context.action(or: "guard set"), batch: nil, outcome: mode.rawValue, details: [:],
                    context: session.context)
                DriftDetection(session: session).remember(version: session.connection.dataVersion)
                return try report()
            }
        }
        throw BatchError(
            .busy, "other programs keep writing to \(session.path)", hint: "try again when they pause")
    }

    /// Does what `batchmgr.yaml` says, and gives new tables their triggers.
    /// - Parameter version: `Connection.dataVersion` before drift was looked for. When somebody has written since, it is
    ///   left to the next batch.
    func follow(since version: Int64) throws(BatchError) {
        let current = WriteGuard(session.ledger)
        let mode = try current.mode()
        let wanted = session.database.guardMode ?? mode
        let isCurrent = mode == .off ? true : try current.isIntact()
        guard wanted != mode || !isCurrent else { return }
        _ = try install(wanted, since: version)
    }

    private func install(_ mode: GuardMode, since version: Int64) throws(BatchError) -> Bool {
        try session.connection.transaction { () throws(BatchError) in
            guard session.connection.dataVersion == version else { return false }
            try WriteGuard(session.ledger).set(mode)
            return true
        }
    }

    /// How the database is guarded now.
    public func report() throws(BatchError) -> GuardReport {
        let guarded = WriteGuard(session.ledger)
        let schema = SchemaReader(session.connection)
        let mode = try guarded.mode()
        let names = try schema.tables().filter { $0.role == .ordinary }.map(\.name)
        return GuardReport(
            mode: mode, declared: session.database.guardMode, isIntact: mode == .off ? true : try guarded.isIntact(),
            isForcedOpen: try guarded.isForcedOpen(), tables: mode == .off ? [] : names,
            unguarded: mode == .off ? names : try schema.virtualTables().map(\.name),
            noted: try guarded.notes().map { .init(table: $0.table, rows: $0.isWhole ? nil : $0.keys.count) })
    }
}

public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Takes away what batchmgr has put into a database and beside it, and nothing else.
public struct Removal {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    private var connection: Connection { session.connection }

    /// - Parameter confirm: asked with the plan before anything is removed; false: nothing is.
    public func perform(
        isDryRun: Bool, confirm: (RemovalReport) throws(BatchError) -> Bool
    ) throws(BatchError) -> RemovalReport {
        try session.requireOperator("remove")
        var report = try plan()
        if isDryRun || report.isEmpty { return report }
        guard try confirm(report) else { return report }
        if try session.ledger.exists() {
            let turn = try session.plainTurn(for: LeaseWork("remove"))
            defer { withExtendedLifetime(turn) {} }
            report = try plan()
            connection.dropCachedStatements()
            // After a crash the ledger is there as before, and says where the rest of the files is.
            try connection.transaction { () throws(BatchError) in
                try dropLedger(report)
                try removeFiles(report)
            }
        }
        report.isDone = true
        return report
    }

    // MARK: Plan

    private func plan() throws(BatchError) -> RemovalReport {
        let objects = try connection.rows(
            "SELECT type, name FROM main.sqlite_schema WHERE name LIKE 'batchmgr\\_%' ESCAPE '\\' ORDER BY name")
        func names(of type: String) -> [String] {
            objects.filter { $0[0].string == type }.compactMap { $0[1].string }
        }
        let own = connection.ledgerNames.objects
        var report = RemovalReport(database: session.path, folder: session.backups)
        report.triggers = names(of: "trigger").filter { $0.hasPrefix("batchmgr_guard_") }
        report.tables = names(of: "table").filter(own.contains)
        report.others = names(of: "table").filter { !own.contains($0) }
        guard try session.ledger.exists() else { return report }
        report.batches = try session.ledger.batches().count
        // A copy has its original's name for a home until it gets its own; the files there are the original's.
        guard session.homeState == .here || session.homeState == .moved else { return report }
        let ledger = try session.databaseID
        report.neighbours = try HomeRegister(home: session.backups).entries()
            .filter { $0.ledger != ledger }.map(\.path).sorted()
        report.files = report.neighbours.isEmpty ? try allFiles() : try ownFiles(ledger)
        if !report.neighbours.isEmpty, session.git.exists {
            report.references = ["refs/heads/\(session.branch)", "refs/tags/\(session.home.tags)*"]
        }
        return report
    }

    /// Names in the home that nobody else can want.
    private func allFiles() throws(BatchError) -> [String] {
        guard Folder.exists(session.backups) else { return [] }
        return try Folder.names(in: session.backups).filter { name in
            for (start, end) in [("batch_", ".bak"), ("rollback_", ".log"), ("plan_", ".json")]
            where name.hasPrefix(start) { return name.hasSuffix(end) }
            return Permissions.isOurs(name)
        }.sorted()
    }

    private func ownFiles(_ ledger: String?) throws(BatchError) -> [String] {
        let owner = session.bakOwner
        let files = try BakStore(folder: session.backups).contents().files.filter(owner.owns).map(\.name)
        return files.sorted() + (ledger == nil ? [] : ["databases/\(HomeRegister.name(session.branch))"])
    }

    // MARK: Removing

    private func dropLedger(_ report: RemovalReport) throws(BatchError) {
        for name in report.triggers { try connection.execute("DROP TRIGGER main.\(SQLName.quote(name))") }
        for name in report.tables { try connection.execute("DROP TABLE main.\(SQLName.quote(name))") }
    }

    private func removeFiles(_ report: RemovalReport) throws(BatchError) {
        if !report.references.isEmpty { try session.git.remove(branch: session.branch) }
        for name in report.files { try Folder.removeAll("\(session.backups)/\(name)") }
        if report.neighbours.isEmpty { Folder.removeIfEmpty(session.backups) }
    }
}

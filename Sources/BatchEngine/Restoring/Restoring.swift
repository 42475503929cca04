public import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Rebuilds the database as it was at a restore point.
public struct Restoring {
    private let session: Session
    private let remarks: [Warning]

    public init(_ session: Session) {
        self.session = session
        remarks = []
    }

    /// Opens what a restore needs; the database itself may be lost or damaged, and its copies are enough.
    public init(_ workspace: Workspace, tenant: String? = nil, context: Context) throws(BatchError) {
        do throws(BatchError) {
            session = try Session.view(workspace, tenant: tenant, context: context)
            remarks = []
        } catch  where [.fileMissing, .notADatabase, .corruptDatabase].contains(error.code) {
            session = try Session.standIn(workspace, tenant: tenant, context: context)
            remarks = [Warning(.recordNotUsed, "\(error.message): only its copies were used")]
        }
    }

    /// The point that is meant.
    /// - Throws: `ERR_UX_UNKNOWN_POINT`, `ERR_UX_UNKNOWN_BATCH`; `ERR_DATA_NO_RESTORE_POINT` when the batch has none.
    public func point(_ reference: PointReference) throws(BatchError) -> RestorePoint {
        try PointLocator(session: session).find(reference)
    }

    /// Builds a new database file, from the copy that is asked for or the first that verifies: `.bak`, then git.
    ///
    /// The file has the recorded state digest when this returns; otherwise there is no file.
    /// - Throws: `ERR_UX_FILE_EXISTS`; `ERR_DATA_NO_RESTORE_POINT` when no copy verifies.
    public func rebuild(
        _ point: RestorePoint, to path: String, source: RestoreSource? = nil
    ) throws(BatchError) -> RestoreReport {
        try NewDatabase.check(path)
        let start = session.context.clock.now()
        var failures: [(source: RestoreSource, error: BatchError)] = []
        for source in source.map({ [$0] }) ?? [.bak, .git] {
            do throws(BatchError) {
                session.context.phase("rebuilding \(point.name) from \(source.copy)")
                let rebuilt = try build(point, from: source, to: path)
                try check(rebuilt, point)
                let warnings =
                    remarks
                    + failures.filter { !isThinned($0.source, $0.error, point) }.map {
                        Warning(.recordNotUsed, "the \($0.source.copy) was not used: \($0.error.message)")
                    }
                session.context.log.warnings(warnings, module: .points)
                return RestoreReport(
                    point: point.name, file: rebuilt.path, source: source, commit: point.commit?.description,
                    digest: rebuilt.digest, staleIndexes: rebuilt.staleIndexes,
                    warnings: warnings,
                    duration: Double(session.context.clock.now() - start))
            } catch {
                // Neither a full disk nor a folder that cannot be written gets better with the other copy.
                if [.diskFull, .readOnly, .fileExists, .fileMissing].contains(error.code) { throw error }
                failures.append((source, error))
            }
        }
        if let only = failures.first, failures.count == 1 { throw inOtherCopy(only.error, point, only.source) }
        let reasons = failures.map { "\($0.source.copy): \($0.error.message)" }.joined(separator: "; ")
        throw BatchError(
            .noRestorePoint, "no copy of \(point.name) verifies: \(reasons)",
            hint: "see what is damaged, and which points are whole: \(command: "verify")")
    }

    /// As `rebuild`, with the rows of the session's tenant alone where tenants share tables.
    public func extract(
        _ point: RestorePoint, to path: String, source: RestoreSource? = nil
    ) throws(BatchError) -> RestoreReport {
        guard let owner = RowOwner(session) else { return try rebuild(point, to: path, source: source) }
        try NewDatabase.check(path)
        let scratch = try ScratchFolder(in: session.backups)
        let whole = try rebuild(point, to: scratch.file("whole.db"), source: source)
        let notes = try TenantExtract(owner: owner).write(whole.file, to: path, home: session.backups)
        return RestoreReport(
            point: whole.point, file: path, source: whole.source, commit: whole.commit, digest: whole.digest,
            staleIndexes: whole.staleIndexes, warnings: whole.warnings + notes.map { Warning(.tenantAlone, $0) },
            duration: whole.duration)
    }

    private func build(
        _ point: RestorePoint, from source: RestoreSource, to path: String
    ) throws(BatchError) -> Rebuilt {
        switch source {
        case .bak:
            guard let digest = point.digest else { throw missing(point, source) }
            return try BakStore(folder: session.backups).restore(
                BakTarget(digest, file: point.bak?.file, point.bak?.side ?? .after), database: session.bakOwner,
                to: path,
                recorded: (try? session.ledger.recordedHashes()) ?? [:])
        case .git:
            guard let commit = point.commit else { throw missing(point, source) }
            return try session.git.restore(commit, to: path)
        }
    }

    /// The stores check what they build against their own record; this is the ledger's.
    private func check(_ rebuilt: Rebuilt, _ point: RestorePoint) throws(BatchError) {
        guard let digest = point.digest, digest != rebuilt.digest else { return }
        Folder.remove(rebuilt.path)
        throw BatchError(
            .verificationFailed, "\(point.name) was recorded with digest \(digest), and its copy has \(rebuilt.digest)",
            hint: "see what is damaged: \(command: "verify")")
    }

    /// A file that `keep:` or `prune` has removed is not missed: such points are restored from git.
    private func isThinned(_ source: RestoreSource, _ error: BatchError, _ point: RestorePoint) -> Bool {
        source == .bak && point.bak == nil && error.code == .noRestorePoint
    }

    /// What is wrong with the copy that was asked for leaves the other one.
    private func inOtherCopy(_ error: BatchError, _ point: RestorePoint, _ source: RestoreSource) -> BatchError {
        let isDamage = error.code.exitCode == .integrityViolation || error.code.exitCode == .noRestorePoint
        guard isDamage, source == .bak ? point.commit != nil : point.digest != nil else { return error }
        let other = source == .bak ? RestoreSource.git : .bak
        return error.with(
            hint:
                "try the other copy: \(command: "restore --point \(point.reference) --source \(other.rawValue) --to FILE")"
        )
    }

    private func missing(_ point: RestorePoint, _ source: RestoreSource) -> BatchError {
        BatchError(
            .noRestorePoint, "\(source.copy) has no record of \(point.name)",
            hint: "try the other copy, or see the points: \(command: "points")")
    }

    /// Makes of a rebuilt database one that holds the rows of one tenant, and those that all share.
    struct TenantExtract {
        let owner: RowOwner

        /// - Parameter home: the folder of the copies.
        /// - Returns: what a person should know of the new file.
        func write(_ source: String, to path: String, home: String) throws(BatchError) -> [String] {
            let connection = try Connection(path: source)
            connection.tolerateUnknownCollations()
            let settings = Undo.Settings(connection)
            // Triggers and cascades must not follow the rows that go.
            try settings.open()
            defer { settings.close() }
            var notes = ["the file holds the rows of tenant \(owner.tenant), and the tables that all tenants share"]
            let schema = SchemaReader(connection)
            for table in try schema.virtualTables() {
                try connection.execute("DROP TABLE main.\(SQLName.quote(table.name))")
                notes.append(
                    "table \(table.name) was left out: it is virtual, and which tenant its rows belong to is not known")
            }
            for layout in try schema.tables() {
                if layout.role == .system, layout.name.hasPrefix("sqlite_stat") {
                    try connection.execute("DELETE FROM main.\(layout.quotedName)")
                }
                guard let others = owner.others(in: layout, isUTF16: connection.isUTF16) else { continue }
                try connection.run("DELETE FROM main.\(layout.quotedName) WHERE \(others.condition)", [others.value])
            }
            // A fresh file: deleted rows would stay in free pages.
            connection.dropCachedStatements()
            let temporary = try TemporaryFile(for: path, notedIn: Folder.mayWrite(home) ? home : nil)
            try connection.execute("VACUUM INTO \(SQLName.literal(temporary.path))")
            try temporary.publish()
            return notes
        }
    }
}

extension RestoreSource {
    /// For people.
    var copy: String {
        switch self {
        case .git: "git copy"
        case .bak: ".bak copy"
        }
    }
}

extension Session {
    /// A session over an empty database that stands in for one that is lost: it finds the copies of the lost one.
    static func standIn(_ workspace: Workspace, tenant: String?, context: Context) throws(BatchError) -> Session {
        let scratch = try ScratchFolder(in: workspace.backups)
        var database = try workspace.database()
        let lost = try database.path(of: tenant ?? workspace.tenant)
        let standard = Home.standard(workspace, database, tenant: tenant ?? workspace.tenant, path: lost)
        let home = try HomeSearch(
            ledger: try Ledger(try Connection(path: ":memory:", mode: .create)), path: lost, standard: standard
        ).lostHome(mayHaveMoved: true)
        database.path = scratch.file("lost.db")
        if database.tenancy == .file { database.tenancy = .none }
        let place = Workspace(
            folder: workspace.folder, file: workspace.file, databases: [database], backups: workspace.backups,
            catalog: workspace.catalog)
        try Connection(path: database.path, mode: .create).execute("PRAGMA user_version = 1")
        return try Session(place, tenant: tenant, context: context, mode: .readOnly, standingFor: home)
    }
}

/// A copy of a database to try things on; it is gone when it is released.
final class ScratchCopy {
    private let folder: ScratchFolder
    /// The copy, opened for writing. It has the ledger of the database up to now.
    let session: Session

    /// - Parameter point: a state of the database; nil for that of now.
    init(of original: Session, at point: RestorePoint? = nil) throws(BatchError) {
        try Folder.create(original.backups)
        folder = try ScratchFolder(in: original.backups)
        let path = folder.file("copy.db")
        if let point {
            _ = try Restoring(original).rebuild(point, to: path)
        } else {
            try original.connection.backup(to: try Connection(path: path, mode: .create))
        }
        var database = original.database
        database.path = path
        // The path names one file now, whoever it belongs to.
        if database.tenancy == .file { database.tenancy = .none }
        let place = Workspace(
            folder: original.workspace.folder, file: original.workspace.file, databases: [database],
            backups: folder.path, catalog: original.workspace.catalog, plugins: original.workspace.plugins)
        var context = original.context
        let reach = context.reach
        context.reach = { reach("copy-\($0)") }
        // What happens here has not happened.
        context.log = .none
        let home = Home(folder: folder.path, branch: original.branch, tags: original.home.tags)
        session = try Session(place, tenant: original.tenant, context: context, standingFor: home)
        try session.connection.execute("PRAGMA synchronous = OFF")
    }

    /// A second copy, of what the copy is now: to be held against what becomes of it.
    func asItWas() throws(BatchError) -> Connection {
        let path = folder.file("before.db")
        let connection = try Connection(path: path, mode: .create)
        connection.tolerateUnknownCollations()
        try session.connection.backup(to: connection)
        return connection
    }
}

public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// `home show`, `home set`, and what `doctor` says of home and lease.
extension Session {
    /// Opens a database also when it is not known where it belongs.
    private static func homeless(
        _ workspace: Workspace, _ tenant: String?, _ context: Context, mode: Connection.Mode
    ) throws(BatchError) -> Session {
        try Session(workspace, tenant: tenant, context: context, mode: mode, requiringHome: false)
    }

    /// The same to look at it. A file in WAL mode that somebody else owns can be read when it has no log.
    private static func homelessReader(
        _ workspace: Workspace, _ tenant: String?, _ context: Context
    ) throws(BatchError) -> Session {
        do throws(BatchError) { return try homeless(workspace, tenant, context, mode: .readOnly) } catch {
            guard error.code == .readOnly || error.code == .file,
                let session = try? homeless(workspace, tenant, context, mode: .immutable),
                !Folder.mayWrite(FilePath.parent(session.path)), FileStatus(session.path + "-wal") == nil
            else { throw error }
            return session
        }
    }

    /// `home show`
    public static func homeReport(
        _ workspace: Workspace, tenant: String?, context: Context
    ) throws(BatchError) -> HomeReport {
        let session = try homelessReader(workspace, tenant, context)
        let entry = try HomeEntry(session.ledger)
        let state: HomeReport.State
        switch session.homeState {
        case .unplaced: state = session.homeFault == nil ? .none : .lost
        case .here: state = .here
        case .moved: state = .moved
        case .copy(let original): state = .copy(of: original)
        }
        return HomeReport(
            database: session.path, ledger: entry?.ledger, folder: session.home.folder, branch: session.branch,
            tags: session.home.tags, state: state, fault: session.homeFault,
            neighbours: try HomeRegister(home: session.home.folder).entries()
                .filter { $0.ledger != entry?.ledger }.map(\.path).sorted())
    }

    /// What `doctor` says of the home, and of who is at work.
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_DATA_NOT_A_DATABASE` and whatever else keeps the file from being read.
    public static func placeChecks(
        _ workspace: Workspace, tenant: String?, context: Context
    ) throws(BatchError) -> [Check] {
        let home = try homeReport(workspace, tenant: tenant, context: context).check
        let session = try homelessReader(workspace, tenant, context)
        let table = LeaseTable(session.connection, for: session.owner)
        let row = try table.read()
        let lost = try LostHome(session).map { found in
            Check.warning("home", found.words, code: .noPoint, advice: found.advice)
        }
        return [
            lost ?? home, try historyCheck(session), controlCheck(session),
            leaseCheck(row, isNamed: row.map(table.mayName) ?? true),
        ].compactMap(\.self)
    }

    /// Told alone when a newer program has written it: no batch can run then.
    private static func controlCheck(_ session: Session) -> Check? {
        let path = OpenedControl.path(session.controlFolder)
        guard Folder.exists(path) else { return nil }
        do throws(BatchError) {
            try ControlFile.requireKnownFormat(path)
            return nil
        } catch { return .failed("control.db", error) }
    }

    /// Told alone when something is wrong with it.
    private static func historyCheck(_ session: Session) throws(BatchError) -> Check? {
        guard let found = try OlderCopy(session) else { return nil }
        return .warning("history", found.words, code: .olderCopy, advice: found.advice)
    }

    private static func leaseCheck(_ row: LeaseTable.Row?, isNamed: Bool) -> Check {
        guard let row, let owner = row.owner else { return .passed("lease", "nobody is working") }
        let work =
            isNamed
            ? "\(row.work.words), process \(owner.process), last seen \(row.beatAt ?? "?")" : "another batch"
        switch row.life {
        case .alive: return .passed("lease", "working: \(work)")
        case .dead: return .passed("lease", "died: \(work); the next command takes over the lease")
        case .unknown:
            return .warning(
                "lease", "held from another container, another machine or before a restart: \(work)", code: .machine,
                advice:
                    "the next command asks it, and takes over the lease when it does not answer within half a minute")
        }
    }

    /// `home set`
    public static func setHome(
        _ workspace: Workspace, tenant: String?, to folder: String, context: Context
    ) throws(BatchError) -> HomeReport {
        let session = try homeless(workspace, tenant, context, mode: .readWrite)
        guard try session.ledger.exists() else {
            throw BatchError(
                .wrongState, "no batch has run on \(session.path): it has no home yet",
                hint: "run one: \(command: "run --id NAME --sql SQL")")
        }
        guard let target = FolderText.resolved(FolderText.join(FolderText.current, folder)) else {
            throw BatchError(.fileMissing, "there is no folder \(folder)", hint: "check the path: --to FOLDER")
        }
        let former = session.homeFault == nil ? session.home : nil
        try session.connection.transaction { () throws(BatchError) in
            try LeaseTable(session.connection, for: session.owner).requireFree()
            try session.moveHome(to: target)
            try session.ledger.audit(
                context.action(or: "home set"), batch: nil, outcome: "done", details: ["home": .string(target)],
                context: context)
        }
        if let former { try session.tellOfPointsLeft(in: former) }
        return try homeReport(workspace, tenant: tenant, context: context)
    }
    /// Points that were made in another home, and are in that one alone.
    private func tellOfPointsLeft(in former: Home) throws(BatchError) {
        guard former.folder != home.folder, Folder.exists(former.folder) else { return }
        let left = try ledger.points(where: "bak IS NOT NULL").compactMap(\.bak).filter { name in
            !Folder.exists("\(home.folder)/\(name)") && Folder.exists("\(former.folder)/\(name)")
        }
        guard !left.isEmpty else { return }
        let (from, to) = (ShellText.quoted(former.folder), ShellText.quoted(home.folder))
        context.warn(
            Warning(
                .noPoint,
                "\(left.count) .bak \(left.count == 1 ? "file" : "files") of \(path) \(left.count == 1 ? "is" : "are") in \(former.folder) alone, with what belongs to \(left.count == 1 ? "it" : "them")"
            ),
            "bring them here: cp -n \(from)/*.bak \(to)/ && git -C \(to)/history.git fetch --no-tags \(from)/history.git '+refs/tags/\(former.tags)*:refs/tags/\(home.tags)*'"
        )
    }
}

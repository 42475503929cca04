public import BatchCatalog
public import BatchCore
internal import BatchDocuments
public import BatchEngine
internal import BatchHealing
internal import BatchService
internal import BatchSystem
internal import Glibc

/// A verb that can be called: its table, and what it does.
public struct Command: Sendable {
    /// - Returns: the exit code; its report has been shown.
    public typealias Work = @Sendable (_ arguments: ParsedArguments, _ call: Call) throws(BatchError) -> ExitCode

    public let verb: Verb
    public let run: Work

    init(_ verb: Verb, run: @escaping Work) {
        self.verb = verb
        self.run = run
    }
}

/// One call of the tool, and what a verb is given beside its own arguments. It is made once: roles, log, audit and the
/// verb itself share it, and `batchmgr.yaml` is read once.
public struct Call {
    public let tool: Tool
    public let globals: GlobalOptions
    public let terminal: Terminal
    public let output: Output
    /// What the engine works with: one trace id, and the log, for everything that this call does.
    public var work: Context
    /// Called on a thread of its own when a signal ends work that may end anywhere.
    var farewell: @Sendable () -> Void = {}
    private let place: Place

    init(_ tool: Tool, _ globals: GlobalOptions, isAction: Bool = false, limit: Int = .max) {
        self.tool = tool
        self.globals = globals
        work = .ofTool()
        work.tenant = globals.tenant
        work.call = globals.call
        terminal = Terminal(isPlain: globals.isPlain, isQuiet: globals.isQuiet, call: globals.call, limit: limit)
        output = Output(isJSON: globals.isJSON, isQuiet: globals.isQuiet, isAction: isAction, terminal: terminal)
        place = Place(globals)
        work.warn = { [output] in output.tell($0, $1) }
    }

    /// What the options name: a database alone, a folder, or the workspace around the current folder.
    /// - Throws: `ERR_UX_USAGE`, `ERR_UX_NO_WORKSPACE`, `ERR_UX_INVALID_CONFIGURATION`.
    public func workspace() throws(BatchError) -> Workspace {
        let workspace = try place.workspace()
        // Also what is written before a database is opened, or without one.
        for database in workspace.databases { Permissions.limit(to: database.path) }
        return workspace
    }

    /// Nil when there is none: then the verb says so, or needs none.
    /// - Throws: `ERR_UX_USAGE`, `ERR_UX_INVALID_CONFIGURATION`.
    public func workspaceIfAny() throws(BatchError) -> Workspace? {
        do throws(BatchError) {
            return try workspace()
        } catch {
            guard error.code == .noWorkspace else { throw error }
            return nil
        }
    }

    /// Tells the person what no report has a place for. The engine calls it from the thread of the verb.
    private var warn: @Sendable (Warning, Hint) -> Void {
        let output = output
        return { warning, hint in output.tell(warning, hint) }
    }

    /// For work that changes nothing, or is whole after a power cut at any time: the first signal ends it.
    public func endAtFirstSignal() { StopSignal.endAtFirst(isMute: globals.isQuiet || globals.isJSON, farewell) }

    /// The database, opened to be looked at.
    public func view() throws(BatchError) -> Session {
        endAtFirstSignal()
        var context = work
        context.warn = warn
        context.progress = ProgressBar.shared.start(terminal)
        let workspace = try workspace()
        let session = try telling(lossOf: workspace) { () throws(BatchError) in
            try Session.view(workspace, tenant: globals.tenant, context: context)
        }
        try session.requireKnownTenant(isView: true)
        return session
    }

    /// The home of a database whose file is gone.
    /// - Parameter missing: why it cannot be opened; thrown again when nothing is left of it.
    func lost(_ missing: BatchError) throws(BatchError) -> LostDatabase {
        try LostDatabase(try workspace(), tenant: globals.tenant, context: workContext(), because: missing)
    }

    /// Of a file that is gone, and not merely misspelt, it is said what brings it back.
    private func telling(lossOf workspace: Workspace, _ open: () throws(BatchError) -> Session) throws(BatchError)
        -> Session
    {
        do throws(BatchError) {
            return try open()
        } catch {
            guard error.isLoss,
                let lost = try? LostDatabase(workspace, tenant: globals.tenant, context: work, because: error)
            else { throw error }
            throw lost.error
        }
    }

    /// What the workspace knows by name, to refuse other names.
    func names() throws(BatchError) -> KnownNames {
        KnownNames(try workspace(), context: work, tenant: globals.tenant)
    }

    /// For verbs that open no database of the tenant.
    /// - Throws: `ERR_UX_UNKNOWN_TENANT`.
    func requireKnownTenant(mayBeNew: Bool = false) throws(BatchError) {
        if let tenant = globals.tenant { try names().require(tenant: tenant, mayBeNew: mayBeNew) }
    }

    /// The same, and the job that an option names.
    /// - Throws: `ERR_UX_UNKNOWN_TENANT`, `ERR_UX_UNKNOWN_JOB`.
    func requireKnown(job: String?) throws(BatchError) {
        try requireKnownTenant()
        if let job { try names().require(job: job) }
    }

    /// The database, opened to be worked on: signals stop the work at a checkpoint, and progress is shown.
    /// - Parameters:
    ///   - database: of the workspace; nil for the only one, or `main`.
    ///   - tenant: whether it must have rows.
    public func session(
        database: String? = nil, tenant: TenantDemand = .isKnown
    ) throws(BatchError) -> Session {
        let workspace = try workspace()
        let session = try telling(lossOf: workspace) { () throws(BatchError) in
            try Session(workspace, database: database, tenant: globals.tenant, context: workContext())
        }
        switch tenant {
        case .isKnown: try session.requireKnownTenant(isView: false)
        case .isNotMisspelt: try session.requireKnownTenant(isView: false, onlyMisspelt: true)
        case .isNew: try session.requireDistinctTenant()
        case .mayBeAnybody: break
        }
        return session
    }

    /// What a verb asks of the name after `--tenant`.
    public enum TenantDemand {
        /// It has rows, or batches.
        case isKnown
        /// The same, or it is not nearly the name of one that has.
        case isNotMisspelt
        /// It may be anybody who is not taken for another.
        case isNew
        case mayBeAnybody
    }

    /// For work that signals stop at a checkpoint.
    public func workContext() -> Context {
        StopSignal.install(isMute: globals.isQuiet)
        var context = work
        context.noteStage = { StopSignal.note($0) }
        context.warn = warn
        let (isShown, style) = (!globals.isQuiet && !globals.isJSON, terminal.errorStyle)
        context.showRows = { sample in
            if isShown { StandardStream.error.tryWrite(sample.text(style)) }
        }
        context.stopWish = { StopSignal.isAborting ? .now : StopSignal.isRequested ? .atCheckpoint : .goOn }
        context.progress = ProgressBar.shared.start(terminal)
        return context
    }
}

extension Context {
    /// Of this machine, with everything that steps need which other modules do.
    static func ofTool() -> Context {
        var context = Context.system()
        context.backfill = Schedules.backfill
        context.documents = Pipeline()
        context.healing = WorkspaceRepair(tool: VersionReport.version)
        return context
    }
}

/// The workspace of a call, read when it is first asked for.
private final class Place {
    private let globals: GlobalOptions
    private var read: Result<Workspace, BatchError>?

    init(_ globals: GlobalOptions) { self.globals = globals }

    func workspace() throws(BatchError) -> Workspace {
        if let read { return try read.get() }
        do throws(BatchError) {
            let found = try find()
            read = .success(found)
            return found
        } catch {
            read = .failure(error)
            throw error
        }
    }

    private func find() throws(BatchError) -> Workspace {
        switch (globals.database, globals.workspace) {
        case (nil, nil): return try chosen(try Workspace.find())
        case (let database?, nil): return try chosen(try .naming(database: database))
        case (nil, let folder?): return try chosen(try Workspace.load(folder))
        case (_?, _?):
            throw BatchError(
                .usage, "--db and --workspace cannot be used together",
                hint: "--db is for a database without a workspace")
        }
    }

    /// With the database of `--database` alone.
    private func chosen(_ workspace: Workspace) throws(BatchError) -> Workspace {
        guard let name = globals.databaseName else { return workspace }
        return workspace.choosing(try workspace.database(named: name))
    }
}

/// A text that the user names on the command line; `-` is standard input.
enum TextFile {
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_INTEGRATION_FILE`.
    static func read(_ path: String, option: String = "file") throws(BatchError) -> String {
        let file = path == "-" ? "/dev/stdin" : path
        guard Folder.exists(file) else {
            throw BatchError(.fileMissing, "there is no file \(path)", hint: "check the path: --\(option) PATH")
        }
        let bytes = try File(readingAny: file).contents(atMost: .max - 1)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BatchError(.file, "\(path) is not UTF-8 text", hint: "save it as UTF-8")
        }
        return text
    }
}

extension BatchError {
    /// The file is gone, or holds something else: its copies may be there.
    var isLoss: Bool { code == .fileMissing || code == .notADatabase }
}

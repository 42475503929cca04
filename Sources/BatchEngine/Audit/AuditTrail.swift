public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
public import BatchLedger
internal import BatchSystem
internal import Synchronization

/// Sees to it that the action of a command stands in the audit: once, whatever became of it.
public struct AuditTrail {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// How an action ended.
    public struct Ending: Sendable {
        public let batch: String?
        /// `done`, `dry run`, `refused`, `failed`, `stopped`
        public let outcome: String
        public let code: ErrorCode?
        public let exitCode: ExitCode
        /// It concerns the whole workspace, or leaves the database as it was, byte for byte.
        public let sparesDatabase: Bool

        public init(batch: String?, outcome: String, code: ErrorCode?, exitCode: ExitCode, sparesDatabase: Bool = false)
        {
            self.batch = batch
            self.outcome = outcome
            self.code = code
            self.exitCode = exitCode
            self.sparesDatabase = sparesDatabase
        }
    }

    /// Writes the row of the command's action, unless the work itself has written it, and signs where the chains end.
    ///
    /// It goes into the ledger of the database. There may be none, or it cannot or must not be written, or another
    /// process is at work on it: then it goes into `control.db`.
    /// - Throws: when it can be written nowhere.
    public func conclude(_ ending: Ending) throws(BatchError) {
        if context.notes.hasSealed(context.action) { return signControl() }
        let session = [.busy, .leaseLost].contains(ending.code) || ending.sparesDatabase ? nil : writableSession()
        if try !isNoted(session) {
            do throws(BatchError) {
                guard let session else { throw AuditTrail.noLedger }
                try write(ending, to: session)
            } catch {
                let act = context.act(context.action, outcome: ending.outcome, batch: ending.batch)
                try context.control(in: workspace.backups).append(act, details: details(ending))
            }
        }
        sign { () throws(BatchError) in
            try AuditTrail.signHeads(session, backups: workspace.backups, context)
        }
    }

    /// The same for what leaves the database as it was and came over HTTP, with a row that says so: both in one transaction.
    public func conclude(_ ending: Ending, overHTTP outcome: String, _ signer: HeadSigner) throws(BatchError) {
        let control = try context.control(in: workspace.backups)
        var rows: [(act: ControlAct, details: JSONValue)] = []
        if try !isNoted(nil) {
            let act = context.act(context.action, outcome: ending.outcome, batch: ending.batch)
            rows.append((act, details(ending)))
        }
        var told = context
        told.action = "http"
        rows.append((told.act("http", outcome: outcome), details(ending)))
        try control.append(rows)
        if signer.isDue(at: context.clock.now()) { signControl() }
    }

    /// Signs where the chain of `control.db` ends; that of the ledger is signed already, or has no new row.
    public func signControl() {
        sign { () throws(BatchError) in try AuditTrail.signHeads(nil, backups: workspace.backups, context) }
    }

    private func sign(_ body: () throws(BatchError) -> Void) {
        do throws(BatchError) {
            try AuditTrail.twice(body)
        } catch {
            context.log.write(
                .warn, "audit.unsigned", "the heads of the audit could not be signed: \(error.logMessage)",
                module: .audit, error: error)
        }
    }

    private static var noLedger: BatchError { BatchError(.wrongState, "there is no ledger", hint: "run a batch") }

    private func details(_ ending: Ending) -> JSONValue {
        var details = context.notes.details
        if let code = ending.code {
            details.append(.init("code", .string(code.rawValue)))
            details.append(.init("class", .string(code.errorClass.rawValue)))
        }
        if ending.exitCode != .done { details.append(.init("exit_code", .integer(Int64(ending.exitCode.rawValue)))) }
        return .object(details)
    }

    /// Rows may have been written in a transaction that was rolled back later.
    private func isNoted(_ session: Session?) throws(BatchError) -> Bool {
        for row in context.notes.rows(of: context.action) {
            let found = try origin(of: row, session)
            if found?.traceID == context.traceID, found?.action == row.action { return true }
        }
        return false
    }

    private func origin(
        of row: Context.AuditNotes.Row, _ session: Session?
    ) throws(BatchError) -> (traceID: String, action: String)? {
        let control = try context.control(in: workspace.backups)
        if row.path == control.path { return try control.auditOrigin(of: row.seq) }
        if let session, session.path == row.path { return try AuditTable(session.connection).origin(of: row.seq) }
        return try AuditTable(try Connection(path: row.path, mode: .readOnly)).origin(of: row.seq)
    }

    // MARK: Ledger

    /// Nil when the ledger cannot be written, or not without getting in the way of somebody.
    private func writableSession() -> Session? {
        do throws(BatchError) {
            let session = try Session(workspace, tenant: context.tenant, context: context)
            guard try session.ledger.exists() else { return nil }
            if let row = try LeaseTable(session.connection).read(), row.isHeld { return nil }
            return session
        } catch { return nil }
    }

    /// The row is no drift: a large database that was known not to have changed stays known.
    private func write(_ ending: Ending, to session: Session) throws(BatchError) {
        let entry = context.entry(
            context.action, batch: ending.batch, tenant: nil, outcome: ending.outcome, details: details(ending))
        let watch = DriftDetection(session: session)
        let version = session.connection.dataVersion
        let isKnown = watch.isKnownUntouched()
        let seq = try AuditChain(.ledger, on: session.connection).append(entry)
        context.notes.add(.init(path: session.path, seq: seq, action: entry.action))
        context.log.audit(entry)
        if isKnown { watch.remember(version: version) }
    }

    // MARK: Heads

    /// A call of the system that fails once, for want of a descriptor or by a fault of the disk, must not leave an end
    /// of the audit unsigned: that would look as if somebody had taken the signature away.
    static func twice<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        do throws(BatchError) { return try body() } catch { return try body() }
    }

    /// The ends of both chains, signed; none while there is no row.
    static func heads(_ session: Session) throws(BatchError) -> SignedAuditHeads? {
        var heads: [AuditHead] = []
        try session.keepCommits()
        if let id = try session.ledger.meta("database_id"),
            let head = try AuditChain(.ledger, on: session.connection).head(chain: id)
        {
            heads.append(head)
        }
        if let control = try ControlChain(reading: session.backups, session.context), let name = try control.name(),
            let head = try control.chain.sealedHead(chain: name)
        {
            heads.append(head)
        }
        if heads.isEmpty { return nil }
        return try SignedAuditHeads(
            signing: heads, branch: session.branch, with: try SigningKey.kept(folder: session.backups))
    }

    /// Keeps signed ends of both chains: that of the ledger in the home of its database, that of `control.db` beside it.
    /// - Parameters:
    ///   - session: nil when the ledger is not to be looked at.
    ///   - backups: the folder of `control.db`.
    static func signHeads(_ session: Session?, backups: String, _ context: Context) throws(BatchError) {
        if let session { try signLedger(session) }
        guard let control = try ControlChain(reading: backups, context), let name = try control.name() else { return }
        try sign(try control.chain.sealedHead(chain: name), control.chain, backups)
    }

    private static func signLedger(_ session: Session) throws(BatchError) {
        guard let id = try session.ledger.meta("database_id") else { return }
        let chain = AuditChain(.ledger, on: session.connection)
        try session.keepCommits()
        let head = try session.connection.transaction { () throws(BatchError) in try chain.head(chain: id) }
        try sign(head, chain, session.backups)
    }

    /// Signs where the ledger's chain ends, after the last row of a turn, when the action of the command stands there:
    /// then nobody has to open the database again for that.
    static func seal(_ session: Session) {
        let notes = session.context.notes
        guard session.connection.isAutocommit, session.backups == session.controlFolder,
            let row = notes.rows(of: session.context.action).last(where: { $0.path == session.path })
        else { return }
        do throws(BatchError) {
            let found = try AuditTable(session.connection).origin(of: row.seq)
            guard found?.traceID == session.context.traceID, found?.action == row.action else { return }
            try signLedger(session)
            notes.noteSealed(row)
        } catch {
            // Then the end of the command tries it once more.
            return
        }
    }

    private static func sign(_ head: AuditHead?, _ chain: AuditChain, _ backups: String) throws(BatchError) {
        guard let head else { return }
        let file = AuditHeadFile(folder: backups, chain: head.chain)
        try file.keepEvidence(against: chain.table)
        try file.write(head)
    }
}

extension Context {
    /// The name of what is done: that of the verb, when one was called.
    func action(or name: String) -> String { action.isEmpty ? name : action }

    /// For a row that is nobody's in particular.
    var shared: Context {
        var shared = self
        shared.tenant = nil
        return shared
    }

    func entry(
        _ action: String, batch: String?, tenant: String?, outcome: String, details: JSONValue
    ) -> AuditEntry {
        var details = details
        if let onBehalfOf, let members = details.members {
            details = .object(members + [.init("on_behalf_of", .string(onBehalfOf))])
        }
        return AuditEntry(
            at: now().iso8601, traceID: traceID, actor: actor, tenant: tenant ?? self.tenant, action: action,
            batch: batch, outcome: outcome, details: JSONWriter.text(details))
    }
}

extension Ledger {
    /// Appends a row to the audit chain of the database, in the open transaction or in one of its own.
    /// - Parameter details: names and counts; never values of rows.
    public func audit(
        _ action: String, batch: BatchRecord?, outcome: String, details: JSONValue, context: Context
    ) throws(BatchError) {
        let name = batch?.batch.description
        let entry = context.entry(action, batch: name, tenant: batch?.tenant, outcome: outcome, details: details)
        try audit(entry, context)
    }

    func audit(_ entry: AuditEntry, _ context: Context) throws(BatchError) {
        let seq = try AuditChain(.ledger, on: connection).append(entry)
        context.notes.add(.init(path: connection.path, seq: seq, action: entry.action))
        context.log.audit(entry)
    }
}

extension Session {
    /// True when others can write while a connection of ours reads.
    func isWAL() throws(BatchError) -> Bool { try connection.value("PRAGMA main.journal_mode")?.string == "wal" }

    /// SQLite takes a journal away without a sync of the folder. After a power cut the journal may be there again, and
    /// takes back what was committed. Call it before something outside the database relies on a commit.
    func keepCommits() throws(BatchError) {
        guard try connection.value("PRAGMA main.journal_mode")?.string == "delete" else { return }
        try Folder.sync(FilePath.parent(path))
    }
}

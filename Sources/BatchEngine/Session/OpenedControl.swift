internal import BatchCatalog
public import BatchControl
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem
internal import Synchronization

/// The control files that a command has opened: each once. A connection belongs to a thread, so each thread has its own.
final class OpenedControl: @unchecked Sendable {
    private struct Place: Hashable {
        let path: String
        let thread: UInt
        let device: UInt
        let inode: UInt
    }

    private let lock = Mutex(())
    /// Reached by `lock` alone.
    private var files: [Place: ControlFile] = [:]

    /// - Parameter folder: the backups folder; it is made when it is missing.
    func file(in folder: String) throws(BatchError) -> ControlFile {
        if let known = known(in: folder) { return known }
        let path = OpenedControl.path(folder)
        try Folder.create(folder)
        let file = try ControlFile(path: path) { (connection, entry) throws(BatchError) in
            try AuditChain(.control, on: connection).append(entry)
        }
        if let place = place(path) { lock.withLock { _ in files[place] = file } }
        return file
    }

    /// The file when it is open already.
    func known(in folder: String) -> ControlFile? {
        // A file that was put in its place is another one.
        place(OpenedControl.path(folder)).flatMap { place in lock.withLock { _ in files[place] } }
    }

    /// Leaves the files of one thread to another; those of others are closed.
    func rekey(from old: UInt, to new: UInt) {
        lock.withLock { _ in
            let own = files.filter { $0.key.thread == old }
            files = [:]
            for (place, file) in own {
                let next = Place(path: place.path, thread: new, device: place.device, inode: place.inode)
                files[next] = file
            }
        }
    }

    /// Nothing is open in the middle of a transaction, and what was replaced is closed.
    func settle() {
        lock.withLock { _ in
            files = files.filter { $0.value.isCurrent }
            for file in files.values {
                file.connection.rollbackIfOpen()
                file.isFollowedByAudit = false
            }
        }
    }

    static func path(_ folder: String) -> String { folder + "/control.db" }

    /// There is no file, or an empty one, and signed heads tell that there was one.
    static func hasLost(_ folder: String) -> Bool {
        guard FileStatus(path(folder)).map({ $0.size == 0 }) ?? true else { return false }
        return !AuditHeadFile.heads(of: .control, in: folder).isEmpty
    }

    private func place(_ path: String) -> Place? {
        guard let status = FileStatus(path) else { return nil }
        return Place(
            path: path, thread: Environment.threadID, device: UInt(status.device), inode: UInt(status.inode))
    }
}

extension Context {
    /// The control file in a backups folder; it is made when it is missing.
    /// A damaged one is put aside, and what can be read of it taken over: loudly, and with a row in the audit.
    func control(in folder: String) throws(BatchError) -> ControlFile {
        if let known = opened.known(in: folder) { return known }
        do throws(BatchError) {
            guard OpenedControl.hasLost(folder) else { return try opened.file(in: folder) }
            return try replaceLostControl(in: folder)
        } catch {
            guard ControlFile.isDamage(error) else { throw error }
            return try rebuildControl(in: folder)
        }
    }

    /// Nothing was put aside: there is no file, or nothing in it.
    private func replaceLostControl(in folder: String) throws(BatchError) -> ControlFile {
        let file = try opened.file(in: folder)
        try file.awaitLedgers()
        try file.append(act("control rebuild", outcome: "lost"), details: [:])
        let text =
            "control.db was lost, so a new one was made: jobs that have begun and the switches are those of the ledgers; what had not begun, added schedules and settings are gone"
        log.write(.error, "control.rebuilt", text, module: .recovery, warning: .recordNotUsed)
        warn(Warning(.recordNotUsed, text), "see what the audit says: \(command: "audit verify")")
        return file
    }

    /// The same, after a look at all of its pages, for who is about to work with it for long.
    func wholeControl(in folder: String) throws(BatchError) -> ControlFile {
        let file = try control(in: folder)
        do throws(BatchError) {
            try file.requireWhole()
            return file
        } catch {
            guard ControlFile.isDamage(error) else { throw error }
            return try rebuildControl(in: folder)
        }
    }

    private func rebuildControl(in folder: String) throws(BatchError) -> ControlFile {
        let rebuilt = try ControlFile.rebuild(OpenedControl.path(folder), at: now()) {
            (connection, entry) throws(BatchError) in
            try AuditChain(.control, on: connection).append(entry)
        }
        let file = try opened.file(in: folder)
        guard let rebuilt else { return file }
        try file.append(
            act("control rebuild", outcome: rebuilt.isWhole ? "whole" : "partial"), details: rebuilt.details)
        let lost =
            rebuilt.isWhole
            ? "all rows could be read"
            : "\(Counted.text(rebuilt.rows, "row")) could be read; the switches are those of the ledgers"
        let text = "control.db was damaged, and is now \(FilePath.name(rebuilt.aside)); a new one was made: \(lost)"
        log.write(.error, "control.rebuilt", text, module: .recovery, warning: .recordNotUsed)
        warn(Warning(.recordNotUsed, text), "see what the audit says: \(command: "audit verify")")
        return file
    }

    /// What is done to a control store, as the audit tells it.
    public func act(_ action: String, outcome: String = "done", batch: String? = nil) -> ControlAct {
        let context = self
        return ControlAct(
            actor: actor, at: now(),
            entry: { actor, details in
                var named = context
                named.actor = actor
                return named.entry(action, batch: batch, tenant: nil, outcome: outcome, details: details)
            },
            first: { context.shared.entry("control", batch: nil, tenant: nil, outcome: "created", details: [:]) },
            done: { store, seq, entry in
                context.notes.add(.init(path: store, seq: seq, action: entry.action))
                context.log.audit(entry)
            })
    }
}

extension Session {
    /// Keeps the figure for those who watch. Nothing is made for it, and nobody is told when it cannot be kept.
    public func noteViolations(of contract: String, _ count: Int) {
        if workspace.hasRecords { try? control().set(.contractViolations, contract, to: count) }
    }

    func control() throws(BatchError) -> any ControlStore { try context.control(in: controlFolder) }
}

/// Control files that stay open between pieces of work that other threads do, one after the other: opening one means reading
/// its whole schema.
public final class ControlPool: Sendable {
    private struct Idle {
        let opened: OpenedControl
        let thread: UInt
    }

    private let idle = Mutex<[Idle]>([])
    /// More than so many are closed.
    private static let most = 16

    public init() {}

    /// Gives a context a file that is open already, where there is one. Call `takeBack` on the same thread.
    public func lend(to context: inout Context) {
        guard let known = idle.withLock({ $0.popLast() }) else { return }
        known.opened.rekey(from: known.thread, to: Environment.threadID)
        context.opened = known.opened
    }

    /// The context must not be used any more.
    public func takeBack(_ context: Context) {
        let opened = context.opened
        opened.settle()
        idle.withLock { idle in
            if idle.count < ControlPool.most { idle.append(Idle(opened: opened, thread: Environment.threadID)) }
        }
    }
}

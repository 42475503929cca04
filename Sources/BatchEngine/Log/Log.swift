public import BatchCatalog
public import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import Synchronization

/// The structured log of one command.
///
/// Its lines name batches, steps and counts, and never values of rows: no SQL, no parameters, no output of programs.
public struct Log: Sendable {
    /// Where nothing is written.
    public static let none = Log()

    /// The part of batchmgr that writes a line.
    public enum Module: String, Sendable {
        case command, runner, rollback, points, audit, recovery
    }

    private let file: LogFile?
    private let level: LogLevel
    private let isTold: Bool
    private let now: @Sendable () -> Timestamp
    private var traceID: String?
    private var tenant: String?
    private var actor: String?
    /// Of the whole command; steps have their own.
    private var spanID: String?
    /// Nil where no traces are wanted.
    private(set) var trace: Trace?

    private init() {
        file = nil
        level = .error
        isTold = false
        now = { Timestamp(milliseconds: 0) }
        traceID = nil
        tenant = nil
        actor = nil
        spanID = nil
    }

    /// The log of a workspace: `logs/batchmgr.log` in its folder of backups.
    public init(_ workspace: Workspace, context: Context) {
        let settings = workspace.log.following(Environment.value)
        file = LogFile(folder: workspace.backups + "/logs", settings: settings)
        level = settings.level
        isTold = settings.isTold
        now = context.now
        traceID = context.traceID
        tenant = context.tenant
        actor = context.actor
        spanID = Log.newSpan(context)
        trace = Trace(workspace, context)
    }

    /// The log for other work of the same process, in the same file.
    public func following(_ context: Context) -> Log {
        var log = self
        (log.traceID, log.tenant, log.actor) = (context.traceID, context.tenant, context.actor)
        log.spanID = Log.newSpan(context)
        log.trace = trace?.following(context)
        return log
    }

    /// 16 hexadecimal digits.
    static func newSpan(_ context: Context) -> String { String(context.randomID().prefix(16)) }

    public func write(
        _ level: LogLevel, _ event: String, _ message: String, module: Module, batch: Batch? = nil,
        step: String? = nil, span: String? = nil, error: BatchError? = nil, warning: WarningCode? = nil
    ) {
        guard let file, level >= self.level else { return }
        var line = LogLine(
            time: now().iso8601, level: level, message: String(message.prefix(2_000)), event: event)
        line.traceID = traceID
        line.spanID = span ?? spanID
        line.tenant = batch?.tenant ?? tenant
        line.actor = actor
        line.module = module.rawValue
        line.batch = batch?.name
        line.applicationModule = batch?.module
        line.step = step
        line.code = error?.code.rawValue ?? warning?.rawValue
        line.errorClass = error?.code.errorClass ?? warning?.errorClass
        let text = JSONWriter.text(line.json)
        file.append(text)
        if isTold { StandardError.write(text + "\n") }
    }

    /// What was told beside an answer; its words are in the answer.
    func warnings(_ warnings: [Warning], module: Module, batch: Batch? = nil) {
        for warning in warnings {
            write(.warn, "warning", warning.code.rawValue, module: module, batch: batch, warning: warning.code)
        }
    }

    /// A row of the audit, without its details.
    func audit(_ entry: AuditEntry) {
        let isBad = ["refused", "failed", "lost"].contains(entry.outcome)
        write(
            isBad ? .warn : .info, "audit", "\(entry.action): \(entry.outcome)", module: .audit,
            batch: entry.batch.map { Batch(name: $0, tenant: entry.tenant) })
    }

    /// A batch, as a line of the log names it.
    public struct Batch: Hashable, Sendable {
        public let name: String
        public let tenant: String?
        /// The application's module of its job.
        public let module: String?

        public init(name: String, tenant: String? = nil, module: String? = nil) {
            self.name = name
            self.tenant = tenant
            self.module = module
        }

        init(_ batch: BatchRecord, in session: Session) {
            let module = batch.definition == nil ? nil : (try? session.job(of: batch))?.module
            self.init(name: batch.batch.description, tenant: batch.tenant, module: module)
        }
    }
}

/// `batchmgr.log`, written by several processes at once: one `write` for each line, at the end of the file.
///
/// A file that has grown too large becomes `batchmgr.log.1`, that one `.2`, and so on. Whoever still has it open writes
/// its line into the renamed file and finds the new one with the next.
final class LogFile: Sendable {
    static let name = "batchmgr.log"

    private struct State: ~Copyable {
        var file: File?
        /// Which file that is.
        var opened: FileStatus?
        /// The disk was full half-way through a line.
        var isTorn = false
    }

    private let folder: String
    private let name: String
    private let settings: LogSettings
    private let state = Mutex(State())

    init(folder: String, name: String = LogFile.name, settings: LogSettings) {
        self.folder = folder
        self.name = name
        self.settings = settings
    }

    private var path: String { "\(folder)/\(name)" }

    /// Nothing is said of a line that cannot be written: the work does not depend on it.
    func append(_ line: String) {
        state.withLock { state in
            open(&state)
            let text = (state.isTorn ? "\n" : "") + line + "\n"
            state.isTorn = (try? state.file?.write(Array(text.utf8))) == nil
        }
    }

    /// Opens the file that bears the name now, and begins a new one when that is too large.
    private func open(_ state: inout State) {
        var there = FileStatus(path)
        if let size = there?.size, size >= settings.maxSize {
            rotate()
            there = FileStatus(path)
        }
        if state.file != nil, let opened = state.opened, there?.isSameFile(as: opened) == true { return }
        try? Folder.create(folder)
        state.file = try? File(appendingTo: path)
        state.opened = state.file?.status
    }

    /// One process does it at a time; the others go on with the file that they have.
    private func rotate() {
        guard let lock = try? File(appendingTo: "\(folder)/.lock"), lock.tryLock(),
            // Another process may have done it meanwhile.
            let size = FileStatus(path)?.size, size >= settings.maxSize
        else { return }
        if settings.keep == 0 { return Folder.remove(path) }
        for number in stride(from: settings.keep - 1, through: 1, by: -1) {
            try? DurableFile.rename("\(path).\(number)", to: "\(path).\(number + 1)")
        }
        try? DurableFile.rename(path, to: "\(path).1")
    }
}

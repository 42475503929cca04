public import BatchCatalog
public import BatchCore
internal import BatchLedger

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
    private let now: @Sendable () -> Timestamp
    private let traceID: String?
    private let tenant: String?
    private let actor: String?
    /// Of the whole command; steps have their own.
    private let spanID: String?

    private init() {
        file = nil
        level = .error
        now = { Timestamp(milliseconds: 0) }
        traceID = nil
        tenant = nil
        actor = nil
        spanID = nil
    }

    /// The log of a workspace: `logs/batchmgr.log` in its folder of backups.
    public init(_ workspace: Workspace, context: Context) {
        file = LogFile(folder: workspace.backups + "/logs", settings: workspace.log)
        level = workspace.log.level
        now = context.now
        traceID = context.traceID
        tenant = context.tenant
        actor = context.actor
        spanID = Log.newSpan(context)
    }

    /// 16 hexadecimal digits.
    static func newSpan(_ context: Context) -> String { String(context.randomID().prefix(16)) }

    public func write(
        _ level: LogLevel, _ event: String, _ message: String, module: Module, batch: LoggedBatch? = nil,
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
        line.step = step
        line.code = error?.code.rawValue ?? warning?.rawValue
        line.errorClass = error?.code.errorClass ?? warning?.errorClass
        file.append(JSONWriter.text(line.json))
    }

    /// What was told beside an answer; its words are in the answer.
    func warnings(_ warnings: [Warning], module: Module, batch: LoggedBatch? = nil) {
        for warning in warnings {
            write(.warn, "warning", warning.code.rawValue, module: module, batch: batch, warning: warning.code)
        }
    }

    /// A row of the audit, without its details.
    func audit(_ entry: AuditEntry) {
        let isBad = ["refused", "failed", "lost"].contains(entry.outcome)
        write(
            isBad ? .warn : .info, "audit", "\(entry.action): \(entry.outcome)", module: .audit,
            batch: entry.batch.map { LoggedBatch(name: $0, tenant: entry.tenant) })
    }
}

/// A batch, as a line of the log names it.
public struct LoggedBatch: Hashable, Sendable {
    public let name: String
    public let tenant: String?

    public init(name: String, tenant: String? = nil) {
        self.name = name
        self.tenant = tenant
    }

    init(_ batch: BatchRecord) { self.init(name: batch.batch.description, tenant: batch.tenant) }
}

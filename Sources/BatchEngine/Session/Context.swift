public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger
public import BatchSystem
internal import Synchronization

/// What the engine would otherwise reach for: the time, chance, the person, and the wish to stop.
public struct Context: Sendable {
    public enum StopWish: Int, Sendable, Comparable {
        case goOn
        /// Stop at the next checkpoint.
        case atCheckpoint
        /// Abort the open transaction.
        case now

        public static func < (a: StopWish, b: StopWish) -> Bool { a.rawValue < b.rawValue }
    }

    public var now: @Sendable () -> Timestamp
    public var clock: MonotonicClock
    /// The clock by which a person names times.
    public var zone = LocalZone.utc
    /// 128 random bits as 32 hexadecimal digits.
    public var randomID: @Sendable () -> String
    /// Who acts: a user name.
    public var actor: String
    /// What made the work begin.
    public var origin = SwitchedWork.Origin.person
    /// One for everything that a command does: batches, audit rows, lines of the log and commits bear it.
    public var traceID: String
    /// The verb that was called; empty when there is none.
    public var action = ""
    /// For whom it was called.
    public var tenant: String?
    /// The tenant on whose behalf a session of support acts; every row of the audit says so.
    public var onBehalfOf: String?
    /// How it was called; commands in notifications and reports are to be typed in the same way.
    public var call = CallOptions.none
    public var log = Log.none
    /// What the command has written into the audit so far.
    public internal(set) var notes = AuditNotes()
    /// Whether `keep:` counts: `BATCHMGR_KEEP=all` lets nothing go by itself.
    public var letsGo = false
    /// What processes share, opened once.
    var opened = OpenedControl()
    public var stopWish: @Sendable () -> StopWish
    /// Asked while a program of a step runs: whether it is to be ended. Nil: as soon as there is a wish to stop. A worker lets
    /// one end that may not run twice.
    public var endsPrograms: (@Sendable () -> Bool)?
    /// Waits for milliseconds.
    public var sleep: @Sendable (Int64) -> Void
    /// Told when another piece of work begins, and how far it is.
    public var progress: @Sendable (Phase) -> Void
    /// Tells the person what no report of the command has a place for, with the next command.
    public var warn: @Sendable (_ warning: Warning, _ hint: Hint) -> Void = { _, _ in }
    /// Shows rows to the person at the terminal, and to nobody else: they may be secret.
    public var showRows: @Sendable (RowSample) -> Void = { _ in }
    /// What the batch is doing, so that a signal can be answered with what will happen.
    public var noteStage: @Sendable (Stage) -> Void = { _ in }
    /// The kinds of steps that this process knows.
    public var steps = StepRegistry.builtIn
    /// Queues the firings of a schedule that did not happen, for a step: who knows the time zones does it.
    public var backfill:
        @Sendable (
            _ workspace: Workspace, _ context: Context, _ schedule: String, _ start: Timestamp, _ end: Timestamp,
            _ by: QueuingStep
        ) throws(BatchError) -> [Int64] = { (_, _, schedule, _, _, _) throws(BatchError) in
            throw BatchError(
                .internalFault, "schedule \(schedule) cannot be backfilled here", hint: "report this as a defect")
        }
    /// Does the work of the `ocr.*` steps; nil where documents cannot be read.
    public var documents: (any DocumentWork)?
    /// Does the work of the `repair.*` steps that is not in rows, and knows what is wrong beside them.
    public var healing: (any HealingWork)?
    /// Called by name at the places where a crash would be worst; tests stop the process there.
    public var reach: @Sendable (String) -> Void

    public init(
        now: @escaping @Sendable () -> Timestamp, clock: MonotonicClock, randomID: @escaping @Sendable () -> String,
        actor: String, stopWish: @escaping @Sendable () -> StopWish = { .goOn },
        sleep: @escaping @Sendable (Int64) -> Void = { _ in },
        progress: @escaping @Sendable (Phase) -> Void = { _ in },
        reach: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.now = now
        self.clock = clock
        self.randomID = randomID
        self.actor = actor
        traceID = randomID()
        self.stopWish = stopWish
        self.sleep = sleep
        self.progress = progress
        self.reach = reach
    }

    /// What a stop would meet.
    public enum Stage: Int, Sendable {
        /// No batch.
        case other
        /// Between two checkpoints, or in one that others follow.
        case working
        /// In the checkpoint with which the batch ends.
        case lastCheckpoint
        /// The batch is committed, and its restore point is being written.
        case restorePoint
        /// All is done but the commit.
        case committing
    }

    /// What one command has written into the audit, so that its action gets one row: not none, and not two.
    public final class AuditNotes: Sendable {
        struct Row: Sendable {
            /// The database file.
            let path: String
            let seq: Int64
            let action: String
        }

        private struct State: Sendable {
            var rows: [Row] = []
            /// The last row, when it is signed.
            var sealed: Row?
            var details: [JSONValue.Member] = []
        }

        private let state = Mutex(State())

        public init() {}

        func add(_ row: Row) {
            state.withLock {
                $0.rows.append(row)
                $0.sealed = nil
            }
        }

        /// The row of an action is committed, and the chain is signed after it.
        func noteSealed(_ row: Row) { state.withLock { $0.sealed = row } }

        func hasSealed(_ action: String) -> Bool { state.withLock { $0.sealed?.action == action } }

        func rows(of action: String) -> [Row] { state.withLock { $0.rows.filter { $0.action == action } } }

        /// Adds to the details of the row that the command ends with.
        public func describe(_ key: String, _ value: JSONValue) {
            state.withLock { $0.details.append(.init(key, value)) }
        }

        var details: [JSONValue.Member] { state.withLock { $0.details } }
    }

    /// Some rows for a person.
    public struct RowSample: Sendable {
        public let title: String
        public let columns: [String]
        public let rows: [[SQLValue]]
        /// Rows beside these.
        public let more: Int

        public init(title: String, columns: [String], rows: [[SQLValue]], more: Int = 0) {
            self.title = title
            self.columns = columns
            self.rows = rows
            self.more = more
        }
    }

    /// A piece of work that may take more than a second, and how far it is.
    public struct Phase: Hashable, Sendable {
        /// For people: `reprice.3 lines`, `copying the database`.
        public let title: String
        /// Nil where nothing is counted.
        public let done: Int?
        /// Nil when it is not known.
        public let total: Int?
        /// What is counted: `row`, `point`.
        public let noun: String

        public init(_ title: String, done: Int? = nil, total: Int? = nil, noun: String = "row") {
            self.title = title
            self.done = done
            self.total = total
            self.noun = noun
        }
    }

    func phase(_ title: String, _ done: Int? = nil, of total: Int? = nil, _ noun: String = "row") {
        progress(Phase(title, done: done, total: total, noun: noun))
    }
}

extension Context {
    /// The real clock, the kernel's random numbers and the user of this process.
    public static func system() -> Context {
        var context = Context(
            now: { WallClock.now }, clock: .system,
            randomID: {
                var generator = SystemRandomNumberGenerator()
                return Hex.string(generator.next() as UInt64) + Hex.string(generator.next() as UInt64)
            },
            actor: SystemActor.name,
            sleep: { WallClock.sleep(milliseconds: $0) }, reach: KillPoint.reach)
        context.zone = .system
        context.letsGo = Environment.value("BATCHMGR_KEEP") != "all"
        return context
    }
}

/// `rollback`
public struct RollbackRequest: Hashable, Sendable {
    public let batch: BatchReference
    public var mode: RollbackMode
    /// Checkpoints up to this one stay; nil: the whole batch is undone.
    public var checkpoint: Int?
    public var onConflict: ConflictPolicy
    public var readers: ReaderPolicy
    public var isDryRun: Bool
    /// Undo the data although a step outside the database has no compensation.
    public var allowsMissingCompensation: Bool
    /// Where to write a plan instead of rolling back; nil: no plan is wanted.
    public var planTarget: String?
    /// The record to undo from; nil: the first that verifies.
    public var source: Source?
    /// Other batches that are undone with it, and what depends on them, in mode `cascade`: all in one transaction.
    public var besides: [BatchID] = []

    /// What is done about batches that read what is undone.
    public enum ReaderPolicy: String, Sendable, CaseIterable {
        /// They are shown and stay.
        case show
        /// They are dependents like others.
        case include
        /// They are dependents unless a second run on a copy gives the same changes.
        case prove
    }

    public init(
        batch: BatchReference, mode: RollbackMode, checkpoint: Int? = nil, onConflict: ConflictPolicy = .abort,
        readers: ReaderPolicy = .show, isDryRun: Bool = false, allowsMissingCompensation: Bool = false,
        planTarget: String? = nil, source: Source? = nil
    ) {
        self.batch = batch
        self.mode = mode
        self.checkpoint = checkpoint
        self.onConflict = onConflict
        self.readers = readers
        self.isDryRun = isDryRun
        self.allowsMissingCompensation = allowsMissingCompensation
        self.source = source
        self.planTarget = planTarget
    }

    /// What a rollback does about a row that is not as the batch left it.
    public enum ConflictPolicy: String, Sendable, CaseIterable {
        /// Changes nothing at all.
        case abort
        /// Leaves such a row as it is, and lists it.
        case keep
        /// Puts back what the row was before the batch, and lists what is lost by it.
        case overwrite
    }

    /// The record that a batch is undone from.
    public enum Source: String, Sendable, CaseIterable {
        /// The undo log in the ledger.
        case log
        /// The git commit of its restore point.
        case git
        /// The `.bak` of its restore point.
        case bak

        /// For people.
        public var record: String {
            switch self {
            case .log: "undo log"
            case .git: "git commit"
            case .bak: ".bak"
            }
        }
    }
}

extension RollbackRequest {
    /// Two wishes that cannot be used together; nil when there are none.
    public var contradiction: String? {
        if mode == .unconflicted, onConflict != .keep {
            return "--mode unconflicted keeps rows that others changed; --on-conflict \(onConflict) does not"
        }
        if mode == .replay, onConflict != .abort {
            return "--mode replay needs every row back, so it works only with --on-conflict abort"
        }
        if mode == .unconflicted, readers != .show {
            return "--mode unconflicted undoes no other batch, so --include-reads and --prove-reads have no effect"
        }
        return nil
    }
}

/// What a rollback does about batches that depend on the one to undo.
public enum RollbackMode: String, Sendable, CaseIterable {
    /// Refuses while there are any.
    case restrict
    /// Undoes them first, in reverse commit order.
    case cascade
    /// As `cascade`, and then runs them again without the batch.
    case replay
    /// Undoes only the rows that nobody has touched since.
    case unconflicted
}

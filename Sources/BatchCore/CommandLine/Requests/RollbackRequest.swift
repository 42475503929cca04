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
    public var source: RollbackSource?

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
        planTarget: String? = nil, source: RollbackSource? = nil
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

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        batch = try BatchReference(try arguments.required("id"))
        mode = arguments.value("mode").flatMap { RollbackMode(rawValue: $0) } ?? .restrict
        checkpoint = arguments.number("to")
        guard checkpoint != 0 else {
            throw BatchError(
                .usage, "--to 0 would keep no checkpoint",
                hint: "undo the whole batch: \(command: "rollback --id \(batch)")"
            )
        }
        let policy = arguments.value("on-conflict").flatMap { ConflictPolicy(rawValue: $0) }
        onConflict = policy ?? (mode == .unconflicted ? .keep : .abort)
        readers = arguments.has("prove-reads") ? .prove : arguments.has("include-reads") ? .include : .show
        isDryRun = arguments.has("dry-run")
        allowsMissingCompensation = arguments.has("without-compensation")
        source = arguments.value("source").flatMap { RollbackSource(rawValue: $0) }
        planTarget = arguments.value("plan-out")
        try arguments.allowOne(of: ["plan-out", "dry-run"])
        try arguments.allowOne(of: ["plan-out", "plan"])
        // Everything is done, looked at, and thrown away.
        isDryRun = isDryRun || planTarget != nil
        try check(arguments)
    }

    /// What a plan says; other options may only ask to rehearse it.
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ plan: BoundPlan, _ arguments: ParsedArguments) throws(BatchError) {
        self = plan.request
        for option in [
            "mode", "to", "on-conflict", "include-reads", "prove-reads", "without-compensation", "plan-out", "source",
        ]
        where arguments.has(option) {
            throw .usage("--plan says it all; it does not go with --\(option)", arguments.verb)
        }
        if let id = arguments.value("id"), id != plan.batch.description, id != plan.batch.job {
            throw .usage("the plan is for \(plan.batch), not for \(id)", arguments.verb)
        }
        isDryRun = arguments.has("dry-run")
    }

    /// Words that say opposite things.
    private func check(_ arguments: ParsedArguments) throws(BatchError) {
        if mode == .unconflicted, onConflict != .keep {
            throw .usage(
                "--mode unconflicted keeps rows that others changed; --on-conflict \(onConflict) does not",
                arguments.verb)
        }
        if mode == .replay, onConflict != .abort {
            throw .usage(
                "--mode replay needs every row back, so it goes with --on-conflict abort alone", arguments.verb)
        }
        if mode == .unconflicted, readers != .show {
            throw .usage(
                "--mode unconflicted undoes no other batch, so --include-reads and --prove-reads say nothing",
                arguments.verb)
        }
    }
}

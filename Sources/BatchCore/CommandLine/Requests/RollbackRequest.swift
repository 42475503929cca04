/// `rollback`
public struct RollbackRequest: Hashable, Sendable {
    public let batch: BatchReference
    public let mode: RollbackMode
    /// Checkpoints up to this one stay; nil: the whole batch is undone.
    public let checkpoint: Int?
    public let isDryRun: Bool
    /// Undo the data although a step outside the database has no compensation.
    public let allowsMissingCompensation: Bool
    /// The record to undo from; nil: the first that verifies.
    public let source: RollbackSource?

    public init(
        batch: BatchReference, mode: RollbackMode, checkpoint: Int? = nil, isDryRun: Bool = false,
        allowsMissingCompensation: Bool = false, source: RollbackSource? = nil
    ) {
        self.batch = batch
        self.mode = mode
        self.checkpoint = checkpoint
        self.isDryRun = isDryRun
        self.allowsMissingCompensation = allowsMissingCompensation
        self.source = source
    }

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        batch = try BatchReference(try arguments.required("id"))
        mode = arguments.value("mode").flatMap { RollbackMode(rawValue: $0) } ?? .restrict
        checkpoint = arguments.number("to")
        guard checkpoint != 0 else {
            throw BatchError(
                .usage, "--to 0 would keep no checkpoint", hint: "undo the whole batch: batchmgr rollback --id \(batch)"
            )
        }
        isDryRun = arguments.has("dry-run")
        allowsMissingCompensation = arguments.has("without-compensation")
        source = arguments.value("source").flatMap { RollbackSource(rawValue: $0) }
    }
}

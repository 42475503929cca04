internal import BatchCore

extension RollbackMode {
    /// - Throws: `ERR_UX_USAGE` for a mode that a host does not have.
    init(argument: String?) throws(BatchError) {
        guard let mode = RollbackMode(rawValue: argument ?? "restrict"), mode != .replay else {
            throw BatchError(
                .usage, "there is no mode '\(argument ?? "")' here",
                hint: "restrict, cascade or unconflicted; to run dependents again: batchmgr rollback --mode replay")
        }
        self = mode
    }
}

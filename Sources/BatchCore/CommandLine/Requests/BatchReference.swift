/// How a person names a batch: by its id, or by its job when the latest one is meant.
public enum BatchReference: Hashable, Sendable {
    case batch(BatchID)
    case latest(job: String)

    /// - Throws: `ERR_UX_USAGE` when the text can name neither.
    public init(_ text: String) throws(BatchError) {
        if let id = BatchID(text) {
            self = .batch(id)
        } else if JobID.isValid(text) {
            self = .latest(job: text)
        } else {
            throw BatchError(
                .usage, "'\(text)' names no batch: JOB.NUMBER, or JOB for its latest batch",
                hint: "see the batches: \(command: "list")")
        }
    }
}

extension BatchReference: CustomStringConvertible {
    public var description: String {
        switch self {
        case .batch(let id): id.description
        case .latest(let job): job
        }
    }
}

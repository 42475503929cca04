/// `show`, `resume` and `stop`: a batch is all they need.
public struct BatchRequest: Hashable, Sendable {
    public let batch: BatchReference

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        batch = try BatchReference(try arguments.required("id"))
    }
}

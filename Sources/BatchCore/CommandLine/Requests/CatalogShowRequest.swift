/// `catalog show`
public struct CatalogShowRequest: Hashable, Sendable {
    public let job: String

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        job = try arguments.required("id")
    }
}

/// `list`
public struct ListRequest: Hashable, Sendable {
    public let job: String?
    public let status: BatchStatus?
    /// Nil: all.
    public let limit: Int?

    public init(_ arguments: ParsedArguments) {
        job = arguments.value("job")
        status = arguments.value("status").flatMap { BatchStatus(rawValue: $0) }
        limit = arguments.number("limit")
    }
}

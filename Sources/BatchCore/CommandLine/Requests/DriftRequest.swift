/// `drift show`
public struct DriftRequest: Hashable, Sendable {
    /// Counts only.
    public let isStatistics: Bool
    public let table: String?
    public let isSQL: Bool

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        try arguments.allowOne(of: ["stat", "sql"])
        isStatistics = arguments.has("stat")
        table = arguments.value("table")
        isSQL = arguments.has("sql")
    }
}

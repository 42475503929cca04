/// `erase`
public struct EraseRequest: Hashable, Sendable {
    /// What becomes of rows that are in the table today.
    public enum Live: String, Sendable, CaseIterable {
        /// They are deleted, for good.
        case delete
        /// They stay; what they were before is forgotten.
        case keep
    }

    public let table: String
    /// An SQL expression over the columns of the table.
    public let condition: String
    public let live: Live
    public let isDryRun: Bool

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        table = try arguments.required("table")
        condition = try arguments.required("where")
        live = arguments.value("live").flatMap { Live(rawValue: $0) } ?? .delete
        isDryRun = arguments.has("dry-run")
    }
}

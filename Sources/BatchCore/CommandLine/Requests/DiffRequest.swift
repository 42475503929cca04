/// `diff`
public struct DiffRequest: Hashable, Sendable {
    public enum Subject: Hashable, Sendable {
        case batch(BatchReference)
        case points(PointReference, PointReference)
    }

    public let subject: Subject
    /// Counts only.
    public let isStatistics: Bool
    public let table: String?
    public let isSQL: Bool

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        try arguments.allowOne(of: ["stat", "sql"])
        switch (arguments.value("id"), arguments.positionals.count) {
        case (let id?, 0): subject = .batch(try BatchReference(id))
        case (nil, 2):
            subject = .points(
                try PointReference(arguments.positionals[0]), try PointReference(arguments.positionals[1]))
        default: throw .missing("either --id BATCH or two points", of: arguments.verb)
        }
        isStatistics = arguments.has("stat")
        table = arguments.value("table")
        isSQL = arguments.has("sql")
    }
}

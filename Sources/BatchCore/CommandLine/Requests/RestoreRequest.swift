/// `restore`
public struct RestoreRequest: Hashable, Sendable {
    public enum Target: Hashable, Sendable {
        case file(String)
        case inPlace
        case rows(RowSelection)
    }

    public let point: PointReference
    public let target: Target
    /// Nil: the first copy that verifies.
    public let source: RestoreSource?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        point = try PointReference(try arguments.required("point"))
        try arguments.allowOne(of: ["to", "in-place"])
        for name in ["to", "in-place"] { try arguments.allowOne(of: [name, "table"]) }
        if arguments.has("where"), !arguments.has("table") {
            throw .missing("--table TABLE for --where", of: arguments.verb)
        }
        if let file = arguments.value("to") {
            target = .file(file)
        } else if arguments.has("in-place") {
            target = .inPlace
        } else if let table = arguments.value("table") {
            target = .rows(RowSelection(table: table, condition: arguments.value("where")))
        } else {
            throw .missing("--to FILE, --in-place or --table TABLE", of: arguments.verb)
        }
        source = arguments.value("source").flatMap { RestoreSource(rawValue: $0) }
    }
}

/// Some rows of one table.
public struct RowSelection: Hashable, Sendable {
    public let table: String
    /// One SQL expression; nil for all rows.
    public let condition: String?

    public init(table: String, condition: String? = nil) {
        self.table = table
        self.condition = condition
    }
}

/// `restore`
public struct RestoreRequest: Hashable, Sendable {
    public enum Target: Hashable, Sendable {
        case file(String)
        case inPlace
    }

    public let point: PointReference
    public let target: Target
    /// Nil: the first copy that verifies.
    public let source: RestoreSource?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        point = try PointReference(try arguments.required("point"))
        try arguments.allowOne(of: ["to", "in-place"])
        if let file = arguments.value("to") {
            target = .file(file)
        } else if arguments.has("in-place") {
            target = .inPlace
        } else {
            throw .missing("--to FILE or --in-place", of: arguments.verb)
        }
        source = arguments.value("source").flatMap { RestoreSource(rawValue: $0) }
    }
}

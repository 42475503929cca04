/// `graph`
public struct GraphRequest: Hashable, Sendable {
    public let batch: BatchReference
    public let format: GraphFormat

    /// `--json` is `--format json`.
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        batch = try BatchReference(try arguments.required("id"))
        let asked = arguments.value("format").flatMap { GraphFormat(rawValue: $0) }
        format = arguments.globals.isJSON ? .json : asked ?? .text
    }
}

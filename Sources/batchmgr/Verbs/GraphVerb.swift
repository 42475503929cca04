public import BatchCore
internal import BatchEngine

extension Verb {
    public static let graph = Verb(
        "graph", "show what depends on a batch, and why",
        options: [
            batch("the batch, or a job for its latest one").main,
            .value("format", .choice(GraphRequest.Format.allCases.map(\.rawValue)), "how to print it (default: text)"),
        ],
        topic: .look, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr graph --id import_index.1 --format dot | dot -Tsvg > graph.svg", "as a picture")])
}

/// `graph`
public struct GraphRequest: Hashable, Sendable {
    public let batch: BatchReference
    public let format: Format

    /// `--json` is `--format json`.
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        batch = try BatchReference(try arguments.required("id"))
        let asked = arguments.value("format").flatMap { Format(rawValue: $0) }
        format = arguments.globals.isJSON ? .json : asked ?? .text
    }

    public enum Format: String, Sendable, CaseIterable {
        case text
        /// Graphviz.
        case dot
        case json
    }
}

extension Command {
    static let graph = Command(.graph) { (arguments, call) throws(BatchError) in
        let request = try GraphRequest(arguments)
        let report = try call.view().graph(request.batch)
        switch request.format {
        case .text: try call.output.show(report)
        case .dot: try call.output.show(report, text: report.dot)
        case .json: try call.output.show(document: report)
        }
        return .done
    }
}

/// The formats of exports.
public enum ExportFormat: String, Sendable, CaseIterable {
    case csv
    case json
    case jsonLines = "jsonl"
    case html

    /// An export must be called what it is: so a wrong path can never replace a database or a catalog file.
    public var extensions: [String] {
        switch self {
        case .csv: ["csv"]
        case .json: ["json"]
        case .jsonLines: ["jsonl", "ndjson"]
        case .html: ["html", "htm"]
        }
    }
}

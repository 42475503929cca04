/// The formats of exports.
public enum ExportFormat: String, Hashable, Sendable, CaseIterable {
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

    /// The format that the end of a file name stands for; nil when it stands for none.
    public init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: "."), dot != fileName.startIndex,
            fileName[fileName.index(before: dot)] != "/"
        else { return nil }
        let ending = fileName[fileName.index(after: dot)...].lowercased()
        guard let format = ExportFormat.allCases.first(where: { $0.extensions.contains(ending) }) else { return nil }
        self = format
    }
}

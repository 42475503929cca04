/// An `export` step: the rows of a query, written to a file.
public struct ExportDefinition: Hashable, Sendable {
    public enum Format: String, Hashable, Sendable, CaseIterable {
        case csv
        case json
        case html

        /// The format that the end of a file name stands for; nil when it stands for none.
        public init?(fileName: String) {
            guard let dot = fileName.lastIndex(of: ".") else { return nil }
            let ending = fileName[fileName.index(after: dot)...].lowercased()
            self.init(rawValue: ending == "htm" ? "html" : ending)
        }
    }

    public var query: String
    /// Relative to the workspace folder; may hold `{batch}` and the names of parameters in braces.
    public var file: String
    public var format: Format

    public init(query: String, file: String, format: Format) {
        self.query = query
        self.file = file
        self.format = format
    }
}

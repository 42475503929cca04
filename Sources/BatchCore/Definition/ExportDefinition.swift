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
            guard dot != fileName.startIndex, fileName[fileName.index(before: dot)] != "/" else { return nil }
            self.init(rawValue: ending == "htm" ? "html" : ending)
        }
    }

    public var query: String
    /// Below the workspace folder; the end of its name is the format.
    public var file: String
    public var format: Format

    public init(query: String, file: String, format: Format) {
        self.query = query
        self.file = file
        self.format = format
    }
}

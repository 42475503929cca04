internal import BatchCore

/// Turns rows into the bytes of one format. State is at most that of one row.
protocol ExportRenderer {
    /// What stands before the first row.
    mutating func begin(into output: inout [UInt8])
    mutating func row(_ values: [SQLValue], into output: inout [UInt8])
    /// What stands behind the last row.
    mutating func end(into output: inout [UInt8])
}

extension ExportFormat {
    /// - Parameter title: shown by formats that have a place for it.
    func renderer(columns: [String], title: String) -> any ExportRenderer {
        switch self {
        case .csv: CSVRenderer(columns: columns)
        case .json: JSONRenderer(columns: columns)
        case .jsonLines: JSONLinesRenderer(columns: columns)
        case .html: HTMLRenderer(columns: columns, title: title)
        }
    }
}

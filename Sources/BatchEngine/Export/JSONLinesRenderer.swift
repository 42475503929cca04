internal import BatchCore

/// One object a line, lossless as `JSONRenderer`.
struct JSONLinesRenderer: ExportRenderer {
    private let columns: [String]

    init(columns: [String]) { self.columns = JSONRenderer.distinct(columns) }

    mutating func begin(into output: inout [UInt8]) {}

    mutating func row(_ values: [SQLValue], into output: inout [UInt8]) {
        let members = zip(columns, values).map { JSONValue.Member($0, JSONRenderer.document($1)) }
        output.append(contentsOf: JSONWriter.text(.object(members)).utf8)
        output.append(10)
    }

    mutating func end(into output: inout [UInt8]) {}
}

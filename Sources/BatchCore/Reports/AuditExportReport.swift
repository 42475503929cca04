/// `audit export`
public struct AuditExportReport: Report {
    public let path: String
    public let format: String
    public let rows: Int
    public let bytes: Int
    public let sha256: String

    public init(path: String, format: String, rows: Int, bytes: Int, sha256: String) {
        self.path = path
        self.format = format
        self.rows = rows
        self.bytes = bytes
        self.sha256 = sha256
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("path", .string(path)), .init("format", .string(format)), .init("rows", JSONValue(rows)),
            .init("bytes", JSONValue(bytes)), .init("sha256", .string(sha256)),
        ]
    }
}

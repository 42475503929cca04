/// `audit verify`
public struct AuditReport: Report {
    public let checks: [Check]
    /// What was found, the same as the failed checks.
    public let findings: [AuditFinding]
    /// How many rows each chain has.
    public let rows: [AuditPlace: Int64]
    /// How many signed heads were checked.
    public let heads: Int
    /// Milliseconds.
    public let duration: Double

    public init(
        checks: [Check], findings: [AuditFinding], rows: [AuditPlace: Int64], heads: Int, duration: Double
    ) {
        self.checks = checks
        self.findings = findings
        self.rows = rows
        self.heads = heads
        self.duration = duration
    }

    public var isOK: Bool { !checks.contains { $0.outcome == .failed } }

    public var exitCode: ExitCode { ChecksReport(checks: checks).exitCode }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let counts = AuditPlace.allCases.map { JSONValue.Member($0.rawValue, .integer(rows[$0] ?? 0)) }
        return ChecksReport(checks: checks).members(call) + [
            .init("findings", .array(findings.map(\.json))), .init("rows", .object(counts)),
            .init("signed_heads", JSONValue(heads)), .init("duration_ms", .number(duration)),
        ]
    }
}

/// `audit list`
public struct AuditListReport: Report {
    /// By time.
    public let rows: [AuditRow]

    public init(rows: [AuditRow]) { self.rows = rows }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("entries", .array(rows.map(\.json)))] }
}

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

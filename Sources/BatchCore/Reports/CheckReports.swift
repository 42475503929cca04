/// `verify`, `doctor` and `drill`
public struct ChecksReport: Report, Hashable {
    public let checks: [Check]

    public init(checks: [Check]) { self.checks = checks }

    /// No check failed; warnings may be there.
    public var isOK: Bool { !checks.contains { $0.outcome == .failed } }

    /// That of the first check that failed; damage goes before drift.
    public var exitCode: ExitCode {
        let codes = checks.compactMap(\.code)
        return (codes.first { $0 != .drift } ?? codes.first)?.exitCode ?? .done
    }

    /// With drift as a warning.
    public var allowingDrift: ChecksReport {
        ChecksReport(
            checks: checks.map { check in
                guard check.code == .drift else { return check }
                return .warning(check.name, check.detail, code: .drift, advice: check.advice)
            })
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("ok", .bool(isOK)), .init("checks", .array(checks.map { $0.json(call) }))]
    }
}

/// One thing that was looked at, and what to do when it is not well.
public struct Check: Hashable, Sendable {
    public enum Outcome: String, Sendable, CaseIterable {
        case passed
        /// Works, but should be known.
        case warning
        case failed
    }

    public let name: String
    public let outcome: Outcome
    /// What was found.
    public let detail: String
    /// What to do; empty when nothing is.
    public let advice: Hint
    /// Why it failed, for the exit code; nil unless it did.
    public let code: ErrorCode?
    /// Which warning it is; nil unless it is one.
    public let warning: WarningCode?

    public static func passed(_ name: String, _ detail: String) -> Check {
        Check(name: name, outcome: .passed, detail: detail, advice: "", code: nil, warning: nil)
    }

    public static func warning(_ name: String, _ detail: String, code: WarningCode, advice: Hint) -> Check {
        Check(name: name, outcome: .warning, detail: detail, advice: advice, code: nil, warning: code)
    }

    public static func failed(_ name: String, _ error: BatchError) -> Check {
        Check(name: name, outcome: .failed, detail: error.message, advice: error.hint, code: error.code, warning: nil)
    }

    public var json: JSONValue { json(.none) }

    func json(_ call: CallOptions) -> JSONValue {
        [
            "name": .string(name), "ok": .bool(outcome != .failed), "detail": .string(detail),
            "outcome": .string(outcome.rawValue), "advice": .string(advice.text(call)),
            "code": JSONValue(code?.rawValue ?? warning?.rawValue),
        ]
    }
}

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

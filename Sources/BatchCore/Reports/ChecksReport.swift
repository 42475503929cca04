/// `verify`, `doctor` and `drill`
public struct ChecksReport: Report, Hashable {
    public let checks: [Check]

    public init(checks: [Check]) { self.checks = checks }

    /// No check failed; warnings may be there.
    public var isOK: Bool { !checks.contains { $0.outcome == .failed } }

    /// That of the first check that failed.
    public var exitCode: ExitCode { checks.lazy.compactMap(\.code).first?.exitCode ?? .done }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("ok", .bool(isOK)), .init("checks", .array(checks.map { $0.json(call) }))]
    }
}

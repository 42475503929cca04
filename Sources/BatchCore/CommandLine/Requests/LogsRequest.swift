/// `logs`
public struct LogsRequest: Hashable, Sendable {
    /// Lines that are shown when nothing else is said.
    public static let defaultCount = 100

    public let follows: Bool
    public let traceID: String?
    public let level: LogLevel
    /// The last ones, this many; nil for all.
    public let count: Int?

    public init(_ arguments: ParsedArguments) {
        follows = arguments.has("follow")
        traceID = arguments.value("trace")
        level = arguments.value("level").flatMap { LogLevel(rawValue: $0) } ?? .debug
        count = arguments.number("lines") ?? (traceID == nil ? LogsRequest.defaultCount : nil)
    }

    public func wants(_ line: LogLine) -> Bool {
        line.level >= level && (traceID == nil || line.traceID == traceID)
    }
}

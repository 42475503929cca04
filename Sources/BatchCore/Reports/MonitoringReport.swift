/// `check`, as monitoring plug-ins answer: one line, and an exit code that says how bad it is.
public struct MonitoringReport: Report, Hashable {
    public enum Level: String, Sendable, CaseIterable {
        case ok
        case warning
        case critical
        /// It could not be found out.
        case unknown

        /// That of monitoring plug-ins, not of the other verbs: 0, 1, 2, 3.
        public var exitCode: ExitCode {
            switch self {
            case .ok: .done
            case .warning: .stepFailed
            case .critical: .usage
            case .unknown: .refusedByPolicy
            }
        }

        /// What is certain to be bad goes before what is not known.
        fileprivate var rank: Int {
            switch self {
            case .ok: 0
            case .warning: 1
            case .unknown: 2
            case .critical: 3
            }
        }
    }

    public struct Problem: Hashable, Sendable {
        public let level: Level
        public let text: String
    }

    public private(set) var problems: [Problem] = []

    public init() {}

    public mutating func add(_ level: Level, _ text: String) { problems.append(Problem(level: level, text: text)) }

    /// The worst of all.
    public var level: Level { problems.map(\.level).max { $0.rank < $1.rank } ?? .ok }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("status", .string(level.rawValue)), .init("exit_code", .integer(Int64(level.exitCode.rawValue))),
            .init(
                "problems",
                .array(problems.map { ["status": .string($0.level.rawValue), "text": .string($0.text)] })),
        ]
    }
}

/// `metrics write`
public struct MetricsFileReport: Report, Hashable {
    public let file: String
    public let lines: Int

    public init(file: String, lines: Int) {
        self.file = file
        self.lines = lines
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("file", .string(file)), .init("lines", JSONValue(lines))]
    }
}

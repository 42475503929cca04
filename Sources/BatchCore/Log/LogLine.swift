/// One line of the structured log. What is not known is null.
public struct LogLine: Hashable, Sendable {
    public let time: String
    public let level: LogLevel
    /// For people; it names things, never values of rows.
    public let message: String
    /// For programs, e.g. `step.end`.
    public let event: String
    public var traceID: String?
    public var spanID: String?
    public var tenant: String?
    public var actor: String?
    /// The part of batchmgr that wrote it.
    public var module: String?
    /// The module of the application that the job of the batch belongs to.
    public var applicationModule: String?
    public var batch: String?
    public var step: String?
    /// `ERR_…` or `WARN_…`
    public var code: String?
    public var errorClass: ErrorClass?

    public init(time: String, level: LogLevel, message: String, event: String) {
        self.time = time
        self.level = level
        self.message = message
        self.event = event
    }

    /// In the order of the fields as they are documented.
    public var json: JSONValue {
        [
            "ts": .string(time), "level": .string(level.rawValue), "msg": .string(message), "event": .string(event),
            "trace_id": .init(traceID), "span_id": .init(spanID), "tenant_id": .init(tenant),
            "actor_id": .init(actor), "module_id": .init(module),
            "module": .init(applicationModule), "batch": .init(batch), "step": .init(step),
            "code": .init(code), "class": .init(errorClass?.rawValue),
        ]
    }

    /// Nil when the text is no line of a log.
    public init?(text: String) {
        guard let json = try? JSONParser.parse(text), let time = json["ts"]?.string,
            let level = json["level"]?.string.flatMap(LogLevel.init)
        else { return nil }
        self.init(time: time, level: level, message: json["msg"]?.string ?? "", event: json["event"]?.string ?? "")
        traceID = json["trace_id"]?.string
        spanID = json["span_id"]?.string
        tenant = json["tenant_id"]?.string
        actor = json["actor_id"]?.string
        module = json["module_id"]?.string
        applicationModule = json["module"]?.string
        batch = json["batch"]?.string
        step = json["step"]?.string
        code = json["code"]?.string
        errorClass = json["class"]?.string.flatMap(ErrorClass.init)
    }
}

/// How much a line of the log matters.
public enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case debug, info, warn, error

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warn: 2
        case .error: 3
        }
    }

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rank < b.rank }
}

/// `log:` of `batchmgr.yaml`
public struct LogSettings: Hashable, Sendable {
    /// Lines below it are not written.
    public var level: LogLevel = .info
    /// Bytes that a file may have before the next one is begun.
    public var maxSize: Int = 10 << 20
    /// How many older files are kept.
    public var keep: Int = 5
    /// Each line is written to the standard error too, as it is in the file.
    public var isTold = false

    public init() {}

    /// With what the environment says, by the names that operators know; what cannot be meant counts for nothing.
    public func following(_ environment: (String) -> String?) -> LogSettings {
        var settings = self
        if let text = environment("LOG_LEVEL")?.lowercased() {
            settings.level = LogLevel(rawValue: text == "warning" ? "warn" : text) ?? level
        }
        if let size = environment("LOG_ROTATE_MAX_BYTES").flatMap({ Int($0) }), LogSettings.sizes.contains(size) {
            settings.maxSize = size
        }
        if let count = environment("LOG_ROTATE_BACKUPS").flatMap({ Int($0) }), (0...1_000).contains(count) {
            settings.keep = count
        }
        switch environment("LOG_JSON")?.lowercased() {
        case "1", "true", "yes", "on": settings.isTold = true
        case "0", "false", "no", "off": settings.isTold = false
        default: break
        }
        return settings
    }

    private static let sizes = 1_024...15 << 20
}

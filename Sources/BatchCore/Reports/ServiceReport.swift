/// `serve`, when it has ended
public struct ServiceReport: Report, Hashable {
    public let began: Timestamp
    public let ended: Timestamp
    /// Jobs that schedules have queued.
    public let firings: Int
    public let workerCrashes: Int

    public init(began: Timestamp, ended: Timestamp, firings: Int, workerCrashes: Int) {
        self.began = began
        self.ended = ended
        self.firings = firings
        self.workerCrashes = workerCrashes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("began_at", .string(began.iso8601)), .init("ended_at", .string(ended.iso8601)),
            .init("firings", JSONValue(firings)), .init("worker_crashes", JSONValue(workerCrashes)),
        ]
    }
}

/// A wish that a part of a service begins anew.
public struct ServiceRestart: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The workers of the queue, one after the other.
        case queue
        /// What answers over HTTP; it reads its certificate again.
        case http
    }

    public let number: Int64
    public let kind: Kind
    public let actor: String
    public let wishedAt: Timestamp
    /// Nil while it is under way.
    public let endedAt: Timestamp?
    /// How many have begun anew so far.
    public let workers: Int

    public init(
        number: Int64, kind: Kind = .queue, actor: String, wishedAt: Timestamp, endedAt: Timestamp?, workers: Int
    ) {
        self.number = number
        self.kind = kind
        self.actor = actor
        self.wishedAt = wishedAt
        self.endedAt = endedAt
        self.workers = workers
    }
}

/// `service restart`
public struct ServiceRestartReport: Report, Hashable {
    public let restart: ServiceRestart

    public init(_ restart: ServiceRestart) { self.restart = restart }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("restart", .integer(restart.number)), .init("kind", .string(restart.kind.rawValue)),
            .init("actor", .string(restart.actor)),
            .init("wished_at", .string(restart.wishedAt.iso8601)),
            .init("ended_at", JSONValue(restart.endedAt?.iso8601)), .init("workers", JSONValue(restart.workers)),
        ]
    }
}

/// `schedule install`
public struct UnitsReport: Report, Hashable {
    public struct File: Hashable, Sendable {
        public let path: String
        public let text: String

        public init(path: String, text: String) {
            self.path = path
            self.text = text
        }
    }

    public let files: [File]
    /// The one to enable.
    public let unit: String
    public let isSystem: Bool
    public let isDry: Bool

    public init(files: [File], unit: String, isSystem: Bool, isDry: Bool) {
        self.files = files
        self.unit = unit
        self.isSystem = isSystem
        self.isDry = isDry
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("files", .array(files.map { ["path": .string($0.path), "text": .string($0.text)] })),
            .init("unit", .string(unit)),
        ] + JSONValue.Member.only("dry_run", if: isDry)
    }
}

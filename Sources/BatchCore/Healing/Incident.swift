/// Something that went wrong, from the moment it was noticed until a person has closed it. It names things and counts, and
/// holds no values of rows.
public struct Incident: Hashable, Sendable {
    public enum Status: String, Hashable, Sendable, CaseIterable {
        case open
        /// Somebody looks after it.
        case acknowledged
        case closed
    }

    /// Something that happened.
    public struct Event: Hashable, Sendable {
        public var at: Timestamp
        public var actor: String
        public var text: String

        public init(at: Timestamp, actor: String, text: String) {
            self.at = at
            self.actor = actor
            self.text = text
        }
    }

    /// What may have caused it: something that changed shortly before.
    public struct Clue: Hashable, Sendable {
        public enum Kind: String, Hashable, Sendable, CaseIterable {
            case batch
            case release
            case `switch`
        }

        public var kind: Kind
        public var subject: String
        public var at: Timestamp
        public var text: String

        public init(kind: Kind, subject: String, at: Timestamp, text: String) {
            self.kind = kind
            self.subject = subject
            self.at = at
            self.text = text
        }
    }

    /// What can be done about it, and how much care it takes.
    public struct Action: Hashable, Sendable {
        public var level: Int
        public var text: String
        /// What to type; nil when it is done elsewhere.
        public var command: String?
        private static let tool = "batchmgr "

        /// - Parameter command: of batchmgr, with its name or without.
        public init(level: Int, text: String, command: String? = nil) {
            self.level = level
            self.text = text
            self.command = command.map { $0.hasPrefix(Action.tool) ? $0 : Action.tool + $0 }
        }
    }

    /// How far it reaches.
    public struct Reach: Hashable, Sendable {
        public var tenants: [String]
        public var modules: [String]
        public var batches: [String]

        public init(tenants: [String] = [], modules: [String] = [], batches: [String] = []) {
            self.tenants = tenants
            self.modules = modules
            self.batches = batches
        }

        /// What was heard of later.
        public mutating func add(_ other: Reach) {
            tenants = Set(tenants + other.tenants).sorted()
            modules = Set(modules + other.modules).sorted()
            batches = Set(batches + other.batches).sorted()
        }
    }

    /// What was learnt of it, and who got to read it.
    public struct Postmortem: Hashable, Sendable {
        public var file: String
        public var owner: String
        /// Nobody has got it while there is none.
        public var deliveredTo: [String]
        public var at: Timestamp
        /// What a person has written, for the next time that the page is made.
        public var cause: String?
        public var prevention: String?
        public var due: String?

        public init(file: String, owner: String, deliveredTo: [String], at: Timestamp) {
            self.file = file
            self.owner = owner
            self.deliveredTo = deliveredTo
            self.at = at
        }
    }

    /// 0 until it is kept.
    public var number: Int64 = 0
    public var faults: ErrorClass
    public var severity: ContractDefinition.Severity
    public var status = Status.open
    public var title: String
    public var tenant: String?
    public var module: String?
    /// What noticed it: `contract:invoice_total`. While it is open, the same cause makes no second one.
    public var cause: String
    public var traceID: String
    public var openedAt: Timestamp
    public var closedAt: Timestamp?
    public var timeline: [Event] = []
    public var clues: [Clue] = []
    public var actions: [Action] = []
    public var reach = Reach()
    public var postmortem: Postmortem?

    public init(
        faults: ErrorClass, severity: ContractDefinition.Severity, title: String, tenant: String? = nil,
        module: String? = nil, cause: String, traceID: String, openedAt: Timestamp
    ) {
        self.faults = faults
        self.severity = severity
        self.title = title
        self.tenant = tenant
        self.module = module
        self.cause = cause
        self.traceID = traceID
        self.openedAt = openedAt
    }

    public var name: String { "incident.\(number)" }

    /// `incident.4`, or the number alone; nil for anything else.
    public static func number(_ text: String) -> Int64? {
        let digits = text.hasPrefix("incident.") ? text.dropFirst(9) : Substring(text)
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(digits), number > 0 else {
            return nil
        }
        return number
    }

    /// Critical ones are closed when what was learnt has reached somebody.
    public var mayClose: Bool { severity != .critical || postmortem?.deliveredTo.isEmpty == false }
}

// MARK: As JSON

extension Incident {
    public var json: JSONValue {
        [
            "id": .string(name), "class": .string(faults.rawValue), "severity": .string(severity.rawValue),
            "status": .string(status.rawValue), "title": .string(title), "tenant": JSONValue(tenant),
            "module": JSONValue(module), "cause": .string(cause), "trace_id": .string(traceID),
            "opened_at": .string(openedAt.iso8601), "closed_at": JSONValue(closedAt?.iso8601),
            "timeline": .array(
                timeline.map {
                    ["at": .string($0.at.iso8601), "actor": .string($0.actor), "text": .string($0.text)]
                }),
            "hints": .array(
                clues.map {
                    [
                        "kind": .string($0.kind.rawValue), "subject": .string($0.subject),
                        "at": .string($0.at.iso8601), "text": .string($0.text),
                    ]
                }),
            "actions": .array(
                actions.map {
                    ["level": JSONValue($0.level), "text": .string($0.text), "command": JSONValue($0.command)]
                }),
            "blast_radius": [
                "tenants": .array(reach.tenants.map(JSONValue.string)),
                "modules": .array(reach.modules.map(JSONValue.string)),
                "batches": .array(reach.batches.map(JSONValue.string)),
            ],
            "postmortem": postmortem.map {
                .object(
                    [
                        .init("file", .string($0.file)), .init("owner", .string($0.owner)),
                        .init("at", .string($0.at.iso8601)),
                        .init("delivered_to", .array($0.deliveredTo.map(JSONValue.string))),
                    ] + JSONValue.Member.only("cause", $0.cause.map(JSONValue.string))
                        + JSONValue.Member.only("prevention", $0.prevention.map(JSONValue.string))
                        + JSONValue.Member.only("due", $0.due.map(JSONValue.string)))
            } ?? .null,
        ]
    }

    /// Nil when it is not what `json` gives.
    public init?(_ json: JSONValue) {
        func time(_ value: JSONValue?) -> Timestamp? { value?.string.flatMap(Timestamp.init(iso8601:)) }
        func texts(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }
        guard let number = json["id"]?.string.flatMap(Incident.number),
            let faults = json["class"]?.string.flatMap(ErrorClass.init),
            let severity = json["severity"]?.string.flatMap(ContractDefinition.Severity.init),
            let status = json["status"]?.string.flatMap(Status.init), let title = json["title"]?.string,
            let cause = json["cause"]?.string, let opened = time(json["opened_at"])
        else { return nil }
        self.init(
            faults: faults, severity: severity, title: title, tenant: json["tenant"]?.string,
            module: json["module"]?.string, cause: cause, traceID: json["trace_id"]?.string ?? "", openedAt: opened)
        self.number = number
        self.status = status
        closedAt = time(json["closed_at"])
        timeline = (json["timeline"]?.array ?? []).compactMap { event in
            time(event["at"]).map {
                Event(at: $0, actor: event["actor"]?.string ?? "", text: event["text"]?.string ?? "")
            }
        }
        clues = (json["hints"]?.array ?? []).compactMap { clue in
            guard let at = time(clue["at"]), let kind = clue["kind"]?.string.flatMap(Clue.Kind.init) else { return nil }
            return Clue(
                kind: kind, subject: clue["subject"]?.string ?? "", at: at, text: clue["text"]?.string ?? "")
        }
        actions = (json["actions"]?.array ?? []).map {
            Action(
                level: Int($0["level"]?.integer ?? 3), text: $0["text"]?.string ?? "", command: $0["command"]?.string)
        }
        let reach = json["blast_radius"]
        self.reach = Reach(
            tenants: texts(reach?["tenants"]), modules: texts(reach?["modules"]), batches: texts(reach?["batches"]))
        if let learnt = json["postmortem"], let file = learnt["file"]?.string, let at = time(learnt["at"]) {
            var known = Postmortem(
                file: file, owner: learnt["owner"]?.string ?? "", deliveredTo: texts(learnt["delivered_to"]), at: at)
            (known.cause, known.prevention) = (learnt["cause"]?.string, learnt["prevention"]?.string)
            known.due = learnt["due"]?.string
            postmortem = known
        }
    }
}

/// `incident list`, and one incident alone.
public struct IncidentReport: Report, Hashable {
    /// The latest first.
    public let incidents: [Incident]
    /// How many there are, also where fewer are listed.
    public let total: Int
    /// In full.
    public let isDetail: Bool

    public init(incidents: [Incident], total: Int) {
        self.incidents = incidents
        self.total = total
        isDetail = false
    }

    /// One alone, in full.
    public init(_ incident: Incident) {
        incidents = [incident]
        total = 1
        isDetail = true
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let list = JSONValue.Member("incidents", .array(incidents.map(\.json)))
        guard isDetail, let one = incidents.first?.json.members else {
            return [list, .init("total", JSONValue(total))]
        }
        return one + [list]
    }
}

/// `incident bundle` and `incident postmortem`: a file about an incident.
public struct IncidentFileReport: Report, Hashable {
    public let incident: Incident
    public let file: String
    public let sha256: String?
    /// The names in a bundle.
    public let entries: [String]
    public let deliveredTo: [String]
    /// Who could not be reached.
    public let failed: [String]

    public init(
        incident: Incident, file: String, sha256: String? = nil, entries: [String] = [], deliveredTo: [String] = [],
        failed: [String] = []
    ) {
        self.incident = incident
        self.file = file
        self.sha256 = sha256
        self.entries = entries
        self.deliveredTo = deliveredTo
        self.failed = failed
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("incident", .string(incident.name)), .init("file", .string(file)), .init("sha256", JSONValue(sha256)),
            .init("entries", .array(entries.map(JSONValue.string))),
            .init("delivered_to", .array(deliveredTo.map(JSONValue.string))),
            .init("failed", .array(failed.map(JSONValue.string))),
        ]
    }
}

/// What a batch would do, for a human to approve: bound to the state it was made for and to what it would change.
public struct PatchPlan: Hashable, Sendable {
    /// The time and chance that one checkpoint saw in the rehearsal: it sees the same when the plan is applied.
    public struct PinnedInput: Hashable, Sendable {
        public let step: String
        public let time: Int64?
        public let seed: UInt64?

        public init(step: String, time: Int64?, seed: UInt64?) {
            self.step = step
            self.time = time
            self.seed = seed
        }
    }

    /// What was there when the batch had run on the copy.
    public struct Outcome: Hashable, Sendable {
        public let batch: BatchID
        public let rows: RowCounts
        /// Of the whole database.
        public let state: Digest
        /// SHA-256 of all row changes, in hexadecimal digits.
        public let changes: String

        public init(batch: BatchID, rows: RowCounts, state: Digest, changes: String) {
            self.batch = batch
            self.rows = rows
            self.state = state
            self.changes = changes
        }
    }

    public let id: PatchPlanID
    public let job: String
    /// Heal level of the job.
    public let level: Int
    /// The text of the job, pinned.
    public let definition: String
    /// A JSON object, pinned.
    public let parameters: String
    public let tenant: String?
    /// The key that keeps the batch from running twice.
    public let key: String
    public let author: String
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
    /// Why it is a plan and no batch.
    public let because: String
    public let head: LedgerHead
    public let outcome: Outcome
    public let inputs: [PinnedInput]
    /// What people want to see: `diff`, `sql`, `checks`, `blast_radius`, `rollback` and more.
    public let details: [JSONValue.Member]

    public init(
        id: PatchPlanID, job: String, level: Int, definition: String, parameters: String, tenant: String?, key: String,
        author: String, createdAt: Timestamp, expiresAt: Timestamp, because: String, head: LedgerHead,
        outcome: Outcome, inputs: [PinnedInput], details: [JSONValue.Member]
    ) {
        self.id = id
        self.job = job
        self.level = level
        self.definition = definition
        self.parameters = parameters
        self.tenant = tenant
        self.key = key
        self.author = author
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.because = because
        self.head = head
        self.outcome = outcome
        self.inputs = inputs
        self.details = details
    }
}

extension PatchPlan {
    private static let kind = "patch_plan"

    public var members: [JSONValue.Member] {
        [
            .init("format_version", 1), .init("kind", .string(PatchPlan.kind)), .init("plan", .string("\(id)")),
            .init("job", .string(job)), .init("level", JSONValue(level)), .init("tenant", JSONValue(tenant)),
            .init("author", .string(author)), .init("created_at", .string(createdAt.iso8601)),
            .init("expires_at", .string(expiresAt.iso8601)), .init("because", .string(because)),
        ] + details + [
            .init("definition", .string(definition)), .init("parameters", .string(parameters)),
            .init("key", .string(key)), .init("head", head.json), .init("outcome", outcome.json),
            .init("pins", .array(inputs.map(\.json))),
        ]
    }

    private static let ownKeys: Set<String> = [
        "format_version", "kind", "plan", "job", "level", "tenant", "author", "created_at", "expires_at", "because",
        "definition", "parameters", "key", "head", "outcome", "pins",
    ]

    /// Nil when the document is no patch plan.
    public init?(json: JSONValue) {
        func text(_ key: String) -> String? { json[key]?.string }
        guard json["format_version"]?.integer == 1, text("kind") == PatchPlan.kind,
            let id = text("plan").flatMap(PatchPlanID.init), let job = text("job"), let level = json["level"]?.integer,
            let definition = text("definition"), let parameters = text("parameters"), let key = text("key"),
            let author = text("author"), let createdAt = text("created_at").flatMap(Timestamp.init(iso8601:)),
            let expiresAt = text("expires_at").flatMap(Timestamp.init(iso8601:)), let because = text("because"),
            let head = json["head"].flatMap(LedgerHead.init), let outcome = json["outcome"].flatMap(Outcome.init),
            let inputs = json["pins"]?.array?.map(PinnedInput.init), let members = json.members
        else { return nil }
        self.init(
            id: id, job: job, level: Int(truncatingIfNeeded: level), definition: definition, parameters: parameters,
            tenant: text("tenant"), key: key, author: author, createdAt: createdAt, expiresAt: expiresAt,
            because: because, head: head, outcome: outcome, inputs: inputs,
            details: members.filter { !PatchPlan.ownKeys.contains($0.key) })
    }
}

extension PatchPlan.Outcome {
    var json: JSONValue {
        [
            "batch": .string("\(batch)"), "rows": rows.json, "state": .string("\(state)"),
            "changes": .string(changes),
        ]
    }

    init?(json: JSONValue) {
        guard let batch = json["batch"]?.string.flatMap(BatchID.init),
            let state = json["state"]?.string.flatMap(Digest.init(hex:)), let changes = json["changes"]?.string
        else { return nil }
        func count(_ key: String) -> Int { Int(truncatingIfNeeded: json["rows"]?[key]?.integer ?? 0) }
        let rows = RowCounts(inserted: count("inserted"), updated: count("updated"), deleted: count("deleted"))
        self.init(batch: batch, rows: rows, state: state, changes: changes)
    }
}

extension PatchPlan.PinnedInput {
    var json: JSONValue {
        [
            "step": .string(step), "time": time.map(JSONValue.integer) ?? .null,
            "seed": seed.map { .integer(Int64(bitPattern: $0)) } ?? .null,
        ]
    }

    init(json: JSONValue) {
        self.init(
            step: json["step"]?.string ?? "", time: json["time"]?.integer,
            seed: json["seed"]?.integer.map { UInt64(bitPattern: $0) })
    }
}

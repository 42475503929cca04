/// What happened, as a row of an audit chain says it. Its texts name things and counts, never values of rows.
public struct AuditEntry: Hashable, Sendable {
    /// `Timestamp.iso8601`
    public let at: String
    /// That of the command.
    public let traceID: String
    public let actor: String
    public let tenant: String?
    /// The verb, or what the tool did of itself, e.g. `recover`.
    public let action: String
    public let batch: String?
    /// `committed`, `done`, `refused`, `failed` …
    public let outcome: String
    /// A JSON object.
    public let details: String

    public init(
        at: String, traceID: String, actor: String, tenant: String?, action: String, batch: String?, outcome: String,
        details: String
    ) {
        self.at = at
        self.traceID = traceID
        self.actor = actor
        self.tenant = tenant
        self.action = action
        self.batch = batch
        self.outcome = outcome
        self.details = details
    }
}

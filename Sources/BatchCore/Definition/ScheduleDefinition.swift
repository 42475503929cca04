/// When a job runs by itself, as it was declared.
public struct ScheduleDefinition: Hashable, Sendable {
    /// Five or six fields, or a word like `@daily`.
    public var cron: String
    /// A name of the time zone database, e.g. `Europe/Paris`.
    public var timezone: String

    public init(cron: String, timezone: String = "UTC") {
        self.cron = cron
        self.timezone = timezone
    }
}

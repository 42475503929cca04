/// Whom to tell of what.
public struct NotificationRule: Hashable, Sendable {
    public enum Event: String, Hashable, Sendable, CaseIterable {
        /// A batch, or a rollback, failed.
        case failed
        /// A rollback was refused.
        case refused
        /// A batch was rolled back in part only.
        case partial
        /// A record of what happened is damaged.
        case damaged
        /// The database was changed outside any batch.
        case drift
        /// An incident was opened, or its postmortem is delivered.
        case incident
    }

    public enum Channel: Hashable, Sendable {
        /// A program and its arguments; it gets the notification as JSON on its standard input.
        case command([String])
        /// An address that gets the notification as JSON in a POST request.
        case webhook(String)
    }

    public var channel: Channel
    public var events: [Event]
    public var timeout: Duration

    public init(channel: Channel, events: [Event] = Event.allCases, timeout: Duration = .seconds(10)) {
        self.channel = channel
        self.events = events
        self.timeout = timeout
    }
}

/// `watchdog:` of `batchmgr.yaml`: who hears that the service lives.
public struct WatchdogSettings: Hashable, Sendable {
    public let address: String
    /// Milliseconds.
    public let period: Int64

    public init(address: String, period: Int64) {
        self.address = address
        self.period = period
    }
}

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
        /// A firing of a schedule did not happen.
        case missed
        /// A job that had failed went well again.
        case recovered
        /// A promise is broken, or kept again.
        case slo
        /// A plan waits for approval.
        case approval
        /// Jobs of the queue are in their state for too long.
        case stuck
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
    /// Only from so many failures of a job in a row on.
    public var after = 1
    /// Then it waits until the end of it.
    public var quiet: DayWindow?
    /// A file with the secret that a webhook is signed with, from the folder of the workspace.
    public var secretFile: String?

    public init(channel: Channel, events: [Event] = Event.allCases, timeout: Duration = .seconds(10)) {
        self.channel = channel
        self.events = events
        self.timeout = timeout
    }
}

/// What an error is about; it decides who has to look at it.
public enum ErrorClass: String, Sendable, CaseIterable {
    case security = "SECURITY"
    case data = "DATA"
    case performance = "PERF"
    case usage = "UX"
    case integration = "INTEGRATION"
}

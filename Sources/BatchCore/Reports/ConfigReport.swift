/// `config show`: what holds, and where it comes from.
public struct ConfigReport: Report, Hashable {
    public enum Origin: String, Hashable, Sendable {
        /// By `config set` or in the console; it holds at once.
        case set
        case environment
        case file
        case standard = "default"
    }

    public struct Setting: Hashable, Sendable {
        public let name: String
        public let value: String
        public let origin: Origin
        /// `batchmgr.yaml:12`, the name of the variable; nil for a default.
        public let place: String?

        /// Why it is not as it should be, in words that follow its name; what needs it refuses to work then.
        public var fault: String?

        public init(
            _ name: String, _ value: String, _ origin: Origin, at place: String? = nil, fault: String? = nil
        ) {
            self.fault = fault
            self.name = name
            self.value = value
            self.origin = origin
            self.place = place
        }

        var json: JSONValue {
            .object(
                [
                    .init("name", .string(name)), .init("value", .string(value)),
                    .init("origin", .string(origin.rawValue)), .init("place", JSONValue(place)),
                ] + JSONValue.Member.only("fault", fault.map(JSONValue.string)))
        }
    }

    public let settings: [Setting]

    public init(settings: [Setting]) { self.settings = settings }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("settings", .array(settings.map(\.json)))]
    }
}

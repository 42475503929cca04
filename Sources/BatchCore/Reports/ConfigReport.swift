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

        public init(_ name: String, _ value: String, _ origin: Origin, at place: String? = nil) {
            self.name = name
            self.value = value
            self.origin = origin
            self.place = place
        }

        var json: JSONValue {
            [
                "name": .string(name), "value": .string(value), "origin": .string(origin.rawValue),
                "place": JSONValue(place),
            ]
        }
    }

    public let settings: [Setting]

    public init(settings: [Setting]) { self.settings = settings }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("settings", .array(settings.map(\.json)))]
    }
}

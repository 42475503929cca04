/// `prune`
public struct PruneReport: Report, Hashable {
    public struct Point: Hashable, Sendable {
        public let name: String
        public let bak: String
        public let bytes: Int64
        /// Why it is kept; empty: it is removed.
        public let reasons: [String]

        public init(name: String, bak: String, bytes: Int64, reasons: [String]) {
            self.name = name
            self.bak = bak
            self.bytes = bytes
            self.reasons = reasons
        }

        var json: JSONValue {
            [
                "point": .string(name), "bak": .string(bak), "bytes": .integer(bytes), "kept": .bool(!reasons.isEmpty),
                "reasons": .array(reasons.map(JSONValue.string)),
            ]
        }
    }

    /// Those with a `.bak`, the oldest first.
    public let points: [Point]
    public let isDryRun: Bool

    public init(points: [Point], isDryRun: Bool) {
        self.points = points
        self.isDryRun = isDryRun
    }

    public var removed: [Point] { points.filter(\.reasons.isEmpty) }
    public var freedBytes: Int64 { removed.reduce(0) { $0 + $1.bytes } }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("points", .array(points.map(\.json))), .init("removed", JSONValue(removed.count)),
            .init("freed_bytes", .integer(freedBytes)),
        ] + JSONValue.Member.only("dry_run", if: isDryRun)
    }
}

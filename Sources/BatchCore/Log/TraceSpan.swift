/// `traces:` of `batchmgr.yaml`: where spans go to, and how many of them.
public struct TraceSettings: Hashable, Sendable {
    /// An address that takes OTLP as JSON, e.g. `http://127.0.0.1:4318/v1/traces`; nil: only into the file.
    public var address: String?
    /// Of 100 ordinary traces so many are kept; what failed, repaired, took back or is of level 2 is kept always.
    public var sample = 1.0

    public init() {}

    /// Every process comes to the same answer for a trace.
    public func keeps(_ traceID: String) -> Bool {
        let number = UInt64(traceID.suffix(8), radix: 16) ?? 0
        return Double(number % 10_000) < sample * 100
    }
}

/// Where work comes from that goes on elsewhere and later.
public struct TraceOrigin: Hashable, Sendable {
    /// 32 hexadecimal digits.
    public let traceID: String
    /// Nil where no traces are wanted: lines of the log and rows of the audit have the trace all the same.
    public let spanID: String?

    public init(traceID: String, spanID: String?) {
        self.traceID = traceID
        self.spanID = spanID
    }

    /// Of `text`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard let trace = parts.first, parts.count <= 2,
            zip(parts, [32, 16]).allSatisfy({ part, length in part.utf8.count == length && part.allSatisfy(\.isHexDigit)
            })
        else { return nil }
        self.init(traceID: trace, spanID: parts.count == 2 ? parts[1] : nil)
    }

    public var text: String { spanID.map { "\(traceID)-\($0)" } ?? traceID }

    public var link: TraceSpan.Link? { spanID.map { TraceSpan.Link(traceID: traceID, spanID: $0) } }
}

/// A piece of work with its times, as OpenTelemetry tells it.
public struct TraceSpan: Hashable, Sendable {
    public enum Kind: Int, Hashable, Sendable {
        case `internal` = 1
        case server = 2
        case producer = 4
        case consumer = 5
    }

    public struct Link: Hashable, Sendable {
        public let traceID: String
        public let spanID: String

        public init(traceID: String, spanID: String) {
            self.traceID = traceID
            self.spanID = spanID
        }

        /// The span of a batch.
        public init(traceID: String, batch: BatchID) {
            self.init(traceID: traceID, spanID: TraceSpan.id(of: batch, in: traceID))
        }
    }

    /// 32 hexadecimal digits.
    public let traceID: String
    /// 16 hexadecimal digits.
    public let spanID: String
    /// Nil for the first span of a trace.
    public var parentID: String?
    public let name: String
    public var kind = Kind.internal
    /// Nanoseconds since 1970.
    public let begin: Int64
    public var end: Int64
    /// Names and counts, never values of rows.
    public var attributes: [JSONValue.Member] = []
    public var links: [Link] = []
    /// Its message is left out of what is sent: it may name what others must not read.
    public var failure: ErrorCode?

    public init(traceID: String, spanID: String, name: String, begin: Int64) {
        self.traceID = traceID
        self.spanID = spanID
        self.name = name
        self.begin = begin
        end = begin
    }

    /// The span of a batch has an id that every process can tell: whoever writes its restore point later, or goes on
    /// with it.
    public static func id(of batch: BatchID, in traceID: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(traceID) \(batch)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash == 0 ? 1 : hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// As the JSON encoding of OTLP has it: ids in hexadecimal digits, 64-bit numbers as texts.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("traceId", .string(traceID)), .init("spanId", .string(spanID)),
        ]
        if let parentID { members.append(.init("parentSpanId", .string(parentID))) }
        members += [
            .init("name", .string(name)), .init("kind", JSONValue(kind.rawValue)),
            .init("startTimeUnixNano", .string(String(begin))),
            .init("endTimeUnixNano", .string(String(max(begin, end)))),
            .init("attributes", .array(attributes.map(TraceSpan.attribute))),
        ]
        if !links.isEmpty {
            members.append(
                .init(
                    "links",
                    .array(links.map { ["traceId": .string($0.traceID), "spanId": .string($0.spanID)] })))
        }
        let status: JSONValue = failure.map { ["code": 2, "message": .string($0.rawValue)] } ?? ["code": 1]
        return .object(members + [.init("status", status)])
    }

    private static func attribute(_ member: JSONValue.Member) -> JSONValue {
        let value: JSONValue =
            switch member.value {
            case .integer(let number): ["intValue": .string(String(number))]
            case .number(let number): ["doubleValue": .number(number)]
            case .bool(let flag): ["boolValue": .bool(flag)]
            case .string(let text): ["stringValue": .string(text)]
            case .array(let elements):
                ["arrayValue": ["values": .array(elements.map { attribute(.init("", $0))["value"] ?? .null })]]
            default: ["stringValue": .string(JSONWriter.text(member.value))]
            }
        return ["key": .string(member.key), "value": value]
    }

    /// What a receiver of OTLP gets: the body of one request, and one line of the file.
    /// - Parameter resource: what the spans come from.
    public static func document(_ spans: [TraceSpan], from resource: [JSONValue.Member]) -> JSONValue {
        [
            "resourceSpans": [
                [
                    "resource": ["attributes": .array(resource.map(attribute))],
                    "scopeSpans": [["scope": ["name": "batchmgr"], "spans": .array(spans.map(\.json))]],
                ]
            ]
        ]
    }
}

public import BatchCore

/// `list`
public struct ListRequest: Hashable, Sendable {
    public let job: String?
    public let status: BatchStatus?
    public let limit: Int
    /// For one tenant: also what was done for none, which may have reached his rows too.
    public var withShared = false
    /// What is shown when nobody says how many.
    public static let usualLimit = 20

    public init(job: String? = nil, status: BatchStatus? = nil, limit: Int = .max) {
        self.job = job
        self.status = status
        self.limit = limit
    }
}

/// `diff`
public struct DiffRequest: Hashable, Sendable {
    public enum Subject: Hashable, Sendable {
        /// What the batch did that left this state.
        case batch(PointReference)
        case points(PointReference, PointReference)
    }

    public let subject: Subject
    /// Counts only.
    public let isStatistics: Bool
    public let table: String?
    public let isSQL: Bool

    public init(_ subject: Subject, isStatistics: Bool = false, table: String? = nil, isSQL: Bool = false) {
        self.subject = subject
        self.isStatistics = isStatistics
        self.table = table
        self.isSQL = isSQL
    }
}

/// `drift show`
public struct DriftRequest: Hashable, Sendable {
    /// Counts only.
    public let isStatistics: Bool
    public let table: String?
    public let isSQL: Bool

    public init(isStatistics: Bool = false, table: String? = nil, isSQL: Bool = false) {
        self.isStatistics = isStatistics
        self.table = table
        self.isSQL = isSQL
    }
}

/// `blame`
public struct BlameRequest: Hashable, Sendable {
    public let table: String
    /// As it was typed: one value, or a JSON list for a key of several columns.
    public let key: String

    public init(table: String, key: String) {
        self.table = table
        self.key = key
    }

    /// The values that are meant, one for each column of the key.
    /// - Throws: `ERR_UX_USAGE` when a list is not one of JSON, or holds what is no key.
    public func values() throws(BatchError) -> [SQLValue] {
        guard key.hasPrefix("[") else { return [BlameRequest.value(key)] }
        guard let list = try? JSONParser.parse(key).array, !list.isEmpty else { throw unreadable }
        var values: [SQLValue] = []
        for element in list {
            switch element {
            case .string(let text): values.append(.string(text))
            case .integer(let number): values.append(.integer(number))
            case .number(let number): values.append(.real(number))
            default:
                guard let bytes = element["blob"]?.string.flatMap(Hex.bytes) else { throw unreadable }
                values.append(.blob(bytes))
            }
        }
        return values
    }

    private var unreadable: BatchError {
        BatchError(
            .usage, "'\(key)' is not a key: one value, or a JSON list with one value for each column of the key",
            hint: "for example: \(command: "blame --table lines --key '[7, \"a\"]'")")
    }

    private static func value(_ text: String) -> SQLValue {
        if let number = Int64(text) { return .integer(number) }
        return .string(text)
    }
}

/// Which rows of the audit are wanted.
public struct AuditFilter: Hashable, Sendable {
    public var tenant: String?
    public var batch: String?
    public var traceID: String?
    public var actor: String?
    public var action: String?
    /// The beginning of `AuditEntry.at`, or all of it.
    public var since: String?
    /// The newest rows, this many; nil for all.
    public var limit: Int?

    public init(tenant: String? = nil) { self.tenant = tenant }

    /// - Throws: `ERR_UX_USAGE` when `since` is no time.
    public func requireTime() throws(BatchError) {
        guard let since, !AuditFilter.isTime(since) else { return }
        throw BatchError(
            .usage, "--since '\(since)' is not a time", hint: "write it in UTC: --since 2026-11-21 or 2026-11-21T02:00")
    }

    /// `2026`, `2026-11`, … up to milliseconds.
    private static func isTime(_ text: String) -> Bool {
        let pattern = Array("dddd-dd-ddTdd:dd:dd.dddZ".utf8)
        let bytes = Array(text.utf8)
        guard [4, 7, 10, 13, 16, 19, 20, 23, 24].contains(bytes.count) else { return false }
        if bytes.count == 20 { return isTime(String(text.dropLast())) && bytes[19] == UInt8(ascii: "Z") }
        return zip(bytes, pattern).allSatisfy { byte, wanted in
            wanted == UInt8(ascii: "d") ? (48...57).contains(byte) : byte == wanted
        }
    }

    /// `since` as the smallest `at` that fits it.
    public var firstTime: String? { since.map { $0.utf8.count == 20 ? String($0.dropLast()) : $0 } }
}

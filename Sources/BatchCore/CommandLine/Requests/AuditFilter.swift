/// Which rows of the audit are wanted.
public struct AuditFilter: Hashable, Sendable {
    public let tenant: String?
    public let batch: String?
    public let traceID: String?
    public let actor: String?
    public let action: String?
    /// The beginning of `AuditEntry.at`, or all of it.
    public let since: String?
    /// The newest rows, this many; nil for all.
    public let limit: Int?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments, tenant: String?) throws(BatchError) {
        self.tenant = tenant
        batch = arguments.value("id")
        traceID = arguments.value("trace")
        actor = arguments.value("actor")
        action = arguments.value("action")
        since = arguments.value("since")
        limit = arguments.number("limit")
        guard let since, !AuditFilter.isTime(since) else { return }
        throw BatchError(
            .usage, "--since '\(since)' is no time", hint: "write it in UTC: --since 2026-11-21 or 2026-11-21T02:00")
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

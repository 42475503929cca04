/// `audit list`
public struct AuditListReport: Report {
    /// By time.
    public let rows: [AuditRow]

    public init(rows: [AuditRow]) { self.rows = rows }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("entries", .array(rows.map(\.json)))] }
}

/// `drift show`
public struct DriftReport: Report, Hashable {
    public let changes: ChangesReport
    /// The definition of something was changed too.
    public let hasSchemaChange: Bool
    /// Found by the notes of the guard, without reading the database.
    public let isTracked: Bool

    public init(changes: ChangesReport, hasSchemaChange: Bool, isTracked: Bool) {
        self.changes = changes
        self.hasSchemaChange = hasSchemaChange
        self.isTracked = isTracked
    }

    public var isDrifted: Bool { hasSchemaChange || changes.total.total > 0 }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("drifted", .bool(isDrifted)), .init("schema_changed", .bool(hasSchemaChange)),
            .init("tracked", .bool(isTracked)),
        ] + changes.members(call)
    }
}

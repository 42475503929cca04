/// A row that is not as the batch left it, so that the batch cannot be undone there.
public struct Conflict: Hashable, Sendable {
    /// Who changed the row since; nil: a change outside any batch.
    public let batch: BatchID?
    public let table: String
    public let key: RowKey
    /// `changed`, `missing`, …: for people.
    public let reason: String
    /// The row as the batch left it, or its hash when that is all the record has.
    public let expected: JSONValue
    public let found: JSONValue
    /// What the rollback did with the row; nil when it was refused.
    public let resolution: Resolution?

    public enum Resolution: String, Sendable {
        case kept, overwritten
    }

    public init(
        batch: BatchID?, table: String, key: RowKey, reason: String, expected: JSONValue, found: JSONValue,
        resolution: Resolution? = nil
    ) {
        self.batch = batch
        self.table = table
        self.key = key
        self.reason = reason
        self.expected = expected
        self.found = found
        self.resolution = resolution
    }

    public var json: JSONValue {
        let members: [JSONValue.Member] = [
            .init("batch", JSONValue(batch?.description)), .init("table", .string(table)), .init("key", key.json),
            .init("reason", .string(reason)), .init("expected", expected), .init("found", found),
        ]
        return .object(members + JSONValue.Member.only("resolution", resolution.map { .string($0.rawValue) }))
    }
}

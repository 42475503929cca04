/// How many rows were changed, by operation.
public struct RowCounts: Hashable, Sendable {
    public var inserted: Int
    public var updated: Int
    public var deleted: Int

    public init(inserted: Int = 0, updated: Int = 0, deleted: Int = 0) {
        self.inserted = inserted
        self.updated = updated
        self.deleted = deleted
    }

    public var total: Int { inserted + updated + deleted }

    public static func += (sum: inout RowCounts, counts: RowCounts) {
        sum.inserted += counts.inserted
        sum.updated += counts.updated
        sum.deleted += counts.deleted
    }

    public var members: [JSONValue.Member] {
        [
            .init("inserted", JSONValue(inserted)), .init("updated", JSONValue(updated)),
            .init("deleted", JSONValue(deleted)),
        ]
    }

    public var json: JSONValue { .object(members) }
}

/// Rows that SQLite inserted, updated and deleted, also through triggers and cascades.
public struct RowCounts: Hashable, Sendable {
    public var inserted = 0
    public var updated = 0
    public var deleted = 0

    public init(inserted: Int = 0, updated: Int = 0, deleted: Int = 0) {
        self.inserted = inserted
        self.updated = updated
        self.deleted = deleted
    }

    public static func += (sum: inout RowCounts, more: RowCounts) {
        sum.inserted += more.inserted
        sum.updated += more.updated
        sum.deleted += more.deleted
    }
}

/// How much a batch may change before somebody has to look at it.
public struct WriteLimits: Hashable, Sendable {
    /// Rows changed by the whole batch; nil for no limit.
    public var rows: Int64?
    /// The only tables that may change; nil for all.
    public var tables: Set<String>?
    /// Milliseconds of the whole batch; nil for no limit.
    public var milliseconds: Int64?
    /// Share of the rows of a table, 0 to 1, that may be deleted without approval; nil for no limit.
    public var deletedShare: Double?

    public init(
        rows: Int64? = nil, tables: Set<String>? = nil, milliseconds: Int64? = nil, deletedShare: Double? = nil
    ) {
        self.rows = rows
        self.tables = tables
        self.milliseconds = milliseconds
        self.deletedShare = deletedShare
    }
}

public import BatchLedger

/// What a restore point is made from.
public struct PointContent {
    public enum Rows {
        /// Every row is read from the database.
        case all
        /// The rows that changed since the point before, as `before` describes it.
        case changes(any ChangeSource, before: StateDigest)
    }

    /// Names the database: its branch in git.
    public let branch: String
    /// What the annotated tag is called, e.g. `batch/reprice.3`; nil for points that no batch made.
    public let tag: String?
    public let message: PointMessage
    /// The database as it is at this point.
    public let state: DatabaseState
    public let rows: Rows
    /// Has the undo log of the batch, where it has several checkpoints; nil for a point that no batch made.
    public let undoLog: (any ChangeSource)?
    /// Tables that have this column are stored per tenant.
    public let tenantColumn: String?

    public init(
        branch: String, tag: String?, message: PointMessage, state: DatabaseState, rows: Rows,
        undoLog: (any ChangeSource)? = nil, tenantColumn: String? = nil
    ) {
        self.undoLog = undoLog
        self.branch = branch
        self.tag = tag
        self.message = message
        self.state = state
        self.rows = rows
        self.tenantColumn = tenantColumn
    }
}

/// A restore point as git holds it.
public struct GitPoint: Hashable, Sendable {
    public let id: CommitID
    /// The point before it on its branch; nil for the first.
    public let parent: CommitID?
    public let message: PointMessage
    /// What the database was, without its rows.
    public let state: DatabaseState
    /// Tables that have this column are stored per tenant.
    public let tenantColumn: String?

    init(_ reader: PointReader) {
        id = CommitID(reader.id)
        parent = reader.parent.map { CommitID($0) }
        message = reader.message
        state = reader.manifest.state
        tenantColumn = reader.manifest.tenantColumn
    }
}

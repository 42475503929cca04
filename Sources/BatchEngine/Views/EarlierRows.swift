public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// `rows`
public struct RowsRequest: Hashable, Sendable {
    public let table: String
    public let point: PointReference
    /// Leave out so many, and show no more than so many.
    public let offset: Int
    public let limit: Int

    public init(table: String, point: PointReference, offset: Int = 0, limit: Int) {
        self.table = table
        self.point = point
        self.offset = offset
        self.limit = limit
    }
}

extension Session {
    /// `rows`: a table as it was at a restore point. It is read from the git commit, shard by shard, and nothing is rebuilt.
    /// - Throws: `ERR_UX_UNKNOWN_POINT`; `ERR_UX_UNKNOWN_NAME` when the point has no such table; `ERR_DATA_NO_RESTORE_POINT` when git
    ///   does not have it.
    public func rows(_ request: RowsRequest) throws(BatchError) -> RowsReport {
        let point = try Restoring(self).point(request.point)
        guard let commit = point.commit else {
            throw BatchError(
                .noRestorePoint, "git does not have \(point.name)",
                hint: "rebuild it from its file: \(command: "restore --point \(point.reference) --to FILE")")
        }
        let reader = try PointRows(git, at: commit)
        let tables = try reader.layouts().filter { $0.role == .ordinary }
        guard let layout = tables.first(where: { SQLName.folded($0.name) == SQLName.folded(request.table) }) else {
            let meant = Suggestion.clause(for: request.table, in: tables.map(\.name))
            throw BatchError(
                .unknownName, "\(point.name) has no table '\(request.table)' with rows of its own\(meant)",
                hint: "it has \(tables.prefix(20).map(\.name).joined(separator: ", "))")
        }
        let owner = RowOwner(self)
        var (rows, seen): ([RowsReport.Row], Int) = ([], 0)
        try reader.readRows(
            of: layout,
            while: { (key, values) throws(BatchError) in
                guard owner?.mayShow(values, of: layout) ?? true else { return true }
                seen += 1
                if seen > request.offset { rows.append(.init(key: key, values: values)) }
                return rows.count <= request.limit
            })
        let hasMore = rows.count > request.limit
        return RowsReport(
            table: layout.name, point: point.name, commit: commit.description,
            columns: layout.storedColumns.map { layout.columns[$0].name },
            rows: Array(rows.prefix(request.limit)), offset: request.offset, hasMore: hasMore,
            total: owner == nil ? reader.state.digest.tables[layout.name].map { Int($0.rows) } : nil)
    }
}

internal import BatchCore
internal import BatchLedger

/// The rows and objects that a rehearsed batch changed: all of a small one, the first of a large one.
struct RehearsedDiff {
    static let limit = ChangeList.Limit(rows: 1_000, bytes: 2 << 20)

    let report: ChangesReport
    /// False when only the first changes are listed; the counts are those of all.
    let isComplete: Bool
    /// Tables, indexes, views and triggers that came, went or changed.
    let schema: [JSONValue]
    /// The tenants whose rows changed, by the tenant column.
    let tenants: [String]
    /// Tables that refer to a changed one.
    let referring: [String]

    var members: [JSONValue.Member] {
        report.members(.none) + [.init("complete", .bool(isComplete)), .init("schema", .array(schema))]
    }

    /// - Parameter original: the database as it was before, when the batch changed the schema: the undo log has no rows
    ///   of a table that was made anew.
    static func read(
        _ copy: Session, checkpoints: [Int64], original: Session?
    ) throws(BatchError) -> RehearsedDiff {
        var collector = Collector(tenantColumn: copy.database.tenantColumn)
        if let original {
            let difference = DatabaseDifference(old: original.connection, new: copy.connection)
            for table in try difference.tables() {
                try difference.forEachChange(of: table) { (row) throws(BatchError) in
                    collector.add(row, before: table.before, after: table.after)
                }
            }
        } else {
            let changes = try BatchChanges(copy.ledger, checkpoints: checkpoints)
            for table in changes.tables {
                try changes.forEachChange(of: table) { (row) throws(BatchError) in
                    collector.add(row, before: table.before, after: table.after)
                }
            }
        }
        let report = collector.list.report()
        let changed = Set(report.tables.map { $0.table.lowercased() })
        let referring = try SchemaReader(copy.connection).tables()
            .filter { table in table.foreignKeys.contains { changed.contains($0.parent.lowercased()) } }
        return RehearsedDiff(
            report: report, isComplete: collector.list.isComplete,
            schema: try original.map { (old) throws(BatchError) in try schema(old, copy) } ?? [],
            tenants: collector.tenants.sorted(), referring: referring.map(\.name).sorted())
    }

    private static func schema(_ old: Session, _ new: Session) throws(BatchError) -> [JSONValue] {
        let before = try SchemaReader(old.connection).objects()
        let after = try SchemaReader(new.connection).objects()
        func names(_ objects: [SchemaObject]) -> [String: SchemaObject] {
            Dictionary(objects.map { ("\($0.type) \($0.name)", $0) }) { first, _ in first }
        }
        let (was, now) = (names(before), names(after))
        return Set(was.keys).union(now.keys).filter { was[$0]?.sql != now[$0]?.sql || was[$0] == nil || now[$0] == nil }
            .sorted().map { name in
                [
                    "object": .string(name), "before": JSONValue(was[name]?.sql), "after": JSONValue(now[name]?.sql),
                ]
            }
    }

    private struct Collector {
        let tenantColumn: String?
        var list = ChangeList(table: nil, isStatistics: false, limit: RehearsedDiff.limit)
        var tenants: Set<String> = []
        private static let mostTenants = 1_000

        mutating func add(_ row: RowChange, before: TableLayout?, after: TableLayout?) {
            guard let layout = after ?? before, list.wants(layout) else { return }
            list.add(row, before: before, after: after)
            guard let tenantColumn, tenants.count < Collector.mostTenants else { return }
            for (image, layout) in [(row.before, before ?? layout), (row.after, after ?? layout)] {
                guard let image,
                    let place = layout.storedColumns.firstIndex(where: {
                        layout.columns[$0].name.lowercased() == tenantColumn.lowercased()
                    }), place < image.count
                else { continue }
                tenants.insert(image[place].string ?? SQLLiteral.value(image[place]))
            }
        }
    }
}

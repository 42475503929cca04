internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// What the batch of an approved plan may not touch is looked at before its first step, and again before it is permanent.
///
/// The gateway judges what it has recorded. This reads rows: it also sees what a program that the plan starts, or anybody
/// else, writes to the database meanwhile.
final class IsolationCheck {
    private let session: Session
    private let plan: PatchPlan
    private let scope: Scope
    /// `Connection.dataVersion` and the recorded digests of the tables that the plan does not name, at the first look.
    private var version: Int64 = 0
    private var others: [String: TableDigest] = [:]
    private(set) var report: IsolationReport?

    /// - Throws: `ERR_DATA_STALE_PLAN` when the plan does not say what it may touch.
    init(_ session: Session, _ plan: PatchPlan) throws(BatchError) {
        guard let scope = plan.details.first(where: { $0.key == Scope.key }).flatMap({ Scope(json: $0.value) }) else {
            throw ApprovedPatchPlan.stale(plan, "it does not say which tables it may touch")
        }
        self.session = session
        self.plan = plan
        self.scope = scope
    }

    private var connection: Connection { session.connection }

    // MARK: Looking

    /// The first look. A second call does nothing.
    func look() throws(BatchError) {
        guard report == nil else { return }
        session.context.phase("checking what \(plan.id) may not touch")
        version = connection.dataVersion
        let tables = try SchemaReader(connection).tables()
        let named = Set(tables.filter { scope.names($0.ownerTable) }.map(\.name))
        others = try session.ledger.state()?.tables.filter { !named.contains($0.key) && !scope.names($0.key) } ?? [:]
        for table in tables where table.role == .ordinary && !named.contains(table.name) && others[table.name] == nil {
            others[table.name] = TableDigest()
        }
        var parts = try inNamedTables(tables).map { IsolationReport.Part(kind: $0.kind, before: $0.digest) }
        if !others.isEmpty { parts.append(.init(kind: .otherTables(others.count), before: IsolationCheck.sum(others))) }
        report = IsolationReport(parts: parts)
    }

    /// The second look. Call it before the batch is permanent, where that can be helped.
    /// - Throws: `ERR_SECURITY_TENANT`, `ERR_SECURITY_PROTECTED`, `ERR_SECURITY_OTHER_CHANGES` with what is different.
    func require() throws(BatchError) {
        guard var report else { return }
        let tables = try SchemaReader(connection).tables()
        // While nobody else has written, everything that happened is recorded.
        let isAlone = connection.dataVersion == version
        let now = isAlone ? try session.ledger.state()?.tables ?? [:] : try digests(of: tables)
        let found = Dictionary(try inNamedTables(tables).map { ($0.kind, $0.digest) }) { first, _ in first }
        report.parts = report.parts.map { part in
            var part = part
            if case .otherTables = part.kind {
                part.after = IsolationCheck.sum(now.filter { others[$0.key] != nil })
            } else {
                part.after = found[part.kind] ?? .zero
            }
            return part
        }
        self.report = report
        guard let different = report.parts.first(where: { $0.before != $0.after }) else { return }
        let table = others.keys.sorted().first { now[$0] ?? TableDigest() != others[$0] ?? TableDigest() }
        throw failure(different, table: table, isAlone: isAlone)
    }

    private func failure(_ part: IsolationReport.Part, table: String?, isAlone: Bool) -> BatchError {
        let (code, what): (ErrorCode, String) =
            switch part.kind {
            case .otherTenants(let table): (.otherTenant, "rows of other tenants in \(table) have changed")
            case .protected(let name): (.protectedData, "protected \(name) has changed")
            case .otherTables: (.otherChanges, "table \(table ?? "?") has changed")
            }
        let writer = isAlone ? "" : ": somebody wrote to the database without a batch"
        return BatchError(
            code, "\(plan.id) may not touch it, and \(what)\(writer)",
            hint: "make a new plan: \(command: "run --id \(plan.job) --propose")",
            cause: code == .otherTenant && isAlone ? .otherTenantsRow : nil)
    }

    // MARK: Digests

    /// Of what may not change in the tables that the plan changes.
    private func inNamedTables(
        _ tables: [TableLayout]
    ) throws(BatchError) -> [(kind: IsolationReport.Part.Kind, digest: Digest)] {
        let rules = session.database.policy
        let owner = plan.tenant.flatMap { tenant in rules.tenantColumn.map { RowOwner(column: $0, tenant: tenant) } }
        let protected = rules.guarded.filter { !scope.protected.contains($0) }.map(ProtectedName.init)
        var found: [(kind: IsolationReport.Part.Kind, digest: Digest)] = []
        for table in tables where table.role == .ordinary && scope.names(table.name) {
            if let (condition, value) = owner?.others(in: table, isUTF16: connection.isUTF16) {
                let rows = try RowReader(table, on: connection, where: condition, [value])
                found.append((.otherTenants(table: table.name), try rows.digest().digest))
            }
            for name in protected where name.isOf(table.name) {
                let column = name.column.flatMap { column in
                    table.columns.firstIndex { SQLName.areSame($0.name, column) }
                }
                let digest: TableDigest
                if let column {
                    digest = try StateDigest.compute(column: column, of: table, connection)
                } else {
                    digest = try StateDigest.compute(table, connection)
                }
                found.append((.protected(name.text), digest.digest))
            }
        }
        return found
    }

    /// From the rows of the tables that the plan does not name.
    private func digests(of tables: [TableLayout]) throws(BatchError) -> [String: TableDigest] {
        var digests: [String: TableDigest] = [:]
        for table in tables where others[table.name] != nil {
            digests[table.name] = try StateDigest.compute(table, connection)
        }
        return digests
    }

    private static func sum(_ tables: [String: TableDigest]) -> Digest { StateDigest(tables: tables).combined }
}

extension IsolationCheck {
    /// What a plan touches when it is tried: its approver is told, and everything else stays as it is.
    struct Scope {
        static let key = "isolation"

        /// Also those of SQLite and of modules.
        let tables: [String]
        /// As they are declared.
        let protected: [String]

        func names(_ table: String) -> Bool { tables.contains { SQLName.areSame($0, table) } }

        var json: JSONValue {
            [
                "tables": .array(tables.map(JSONValue.string)),
                "protected": .array(protected.map(JSONValue.string)),
            ]
        }

        init?(json: JSONValue) {
            guard let tables = json["tables"]?.array, let protected = json["protected"]?.array else { return nil }
            self.tables = tables.compactMap(\.string)
            self.protected = protected.compactMap(\.string)
        }

        /// - Parameters:
        ///   - copy: where the batch has run.
        ///   - checkpoints: of the batch.
        init(
            _ copy: Session, _ batch: BatchRecord, checkpoints: [Int64], _ diff: ChangesReport
        ) throws(BatchError) {
            let defined = diff.schema.map(\.name)
            tables = try copy.ledger.tablesChanged(by: [batch.seq]).union(diff.tables.map(\.table)).union(defined)
                .sorted()
            let rules = copy.database.policy.guarded
            protected =
                rules.isEmpty ? [] : try Scope.changed(copy, checkpoints, defined, rules.map(ProtectedName.init))
        }

        /// Those protected names of which rows come or go, or values change.
        private static func changed(
            _ copy: Session, _ checkpoints: [Int64], _ defined: [String], _ rules: [ProtectedName]
        ) throws(BatchError) -> [String] {
            var changed = Set(rules.filter { rule in defined.contains(where: rule.isOf) }.map(\.text))
            let changes = try BatchChanges(copy.ledger, checkpoints: checkpoints)
            for table in changes.tables {
                guard let layout = table.after ?? table.before else { continue }
                let own = rules.filter { $0.isOf(layout.ownerTable) && !changed.contains($0.text) }
                if own.isEmpty { continue }
                if table.isReadWhole {
                    changed.formUnion(own.map(\.text))
                    continue
                }
                try changes.forEachChange(of: table) { (row) throws(BatchError) in
                    for name in own where Scope.isChanged(name, row, layout) { changed.insert(name.text) }
                }
            }
            return changed.sorted()
        }

        private static func isChanged(_ name: ProtectedName, _ row: RowChange, _ layout: TableLayout) -> Bool {
            guard let before = row.before, let after = row.after, let column = name.column else { return true }
            guard
                let place = layout.storedColumns.firstIndex(where: { SQLName.areSame(layout.columns[$0].name, column) }
                ),
                place < before.count, place < after.count
            else { return true }
            return before[place] != after[place]
        }
    }
}

/// What a batch may write: decided before it begins, checked by the gateway on what was recorded.
public struct WritePolicy: Hashable, Sendable {
    /// Nil: the database has no tenants in columns.
    public var tenant: TenantScope?
    /// Tables and columns that only an approved batch may change.
    public var protected: [ProtectedName]
    /// Tables and columns by the name of their class: a change of one forces level 3.
    public var classes: [String: [ProtectedName]] = [:]
    public var limits: WriteLimits
    /// Tables of other modules, folded, with the module of each.
    public var foreign: [String: String] = [:]
    /// The plan of this batch that a named human approved; nil for ordinary batches.
    public var approval: Approval?

    public init(
        tenant: TenantScope? = nil, protected: [ProtectedName] = [], limits: WriteLimits = WriteLimits(),
        approval: Approval? = nil
    ) {
        self.tenant = tenant
        self.protected = protected
        self.limits = limits
        self.approval = approval
    }
}

extension WritePolicy {
    /// True when there is nothing that a batch could violate.
    public var isUnrestricted: Bool {
        tenant == nil && protected.isEmpty && classes.isEmpty && foreign.isEmpty && limits == WriteLimits()
    }

    /// All names of which a change has to be known.
    public var watched: [ProtectedName] { Array(Set(classes.values.joined()).union(protected)) }

    /// Holds what was recorded against the policy.
    /// - Returns: the first violation; nil when the checkpoint may be committed.
    public func violation(in recorded: RecordedWrites.Checkpoint) -> Violation? {
        if let violation = ownerViolation(recorded) { return violation }
        // Who approved the plan has seen what it changes, and how much.
        guard approval == nil else { return nil }
        return classViolation(recorded) ?? protectedViolation(recorded) ?? moduleViolation(recorded)
            ?? limitViolation(recorded)
    }

    /// Milliseconds that the batch may work; nil for no limit.
    public var timeLimit: Int64? { approval == nil ? limits.milliseconds : nil }

    // MARK: Tenants

    private func ownerViolation(_ recorded: RecordedWrites.Checkpoint) -> Violation? {
        guard let scope = tenant else { return nil }
        let tenants = scope.tenants
        if recorded.hasSchemaChange, !tenants.isEmpty { return .tenantSchemaChange }
        if approval == nil, let table = recorded.disowned.sorted().first {
            return .disowned(table: table, column: scope.column)
        }
        for writes in recorded.tables {
            switch writes.ownership {
            case .tenant:
                if tenants.isEmpty { return .noTenant(table: writes.table) }
                if let row = writes.foreignRow { return .otherTenant(table: writes.table, row: row) }
            case .computed: return .computedOwner(table: writes.table, column: scope.column)
            case .shared, .system: if !scope.lists(writes.table) { return .unlistedShared(table: writes.table) }
            }
        }
        return nil
    }

    // MARK: Protected data

    private func protectedViolation(_ recorded: RecordedWrites.Checkpoint) -> Violation? {
        for name in protected {
            if let what = change(of: name, in: recorded) { return .protected(name: name.text, what: what) }
        }
        return nil
    }

    private func classViolation(_ recorded: RecordedWrites.Checkpoint) -> Violation? {
        for (kind, names) in classes.sorted(by: { $0.key < $1.key }) {
            for name in names {
                if let what = change(of: name, in: recorded) {
                    return .classified(name: name.text, kind: kind, what: what)
                }
            }
        }
        return nil
    }

    /// What was done to a table or column; nil when nothing was.
    private func change(of name: ProtectedName, in recorded: RecordedWrites.Checkpoint) -> String? {
        if recorded.definitions.contains(where: name.isOf) { return "change the definition of \(name.table)" }
        for writes in recorded.tables where name.isOf(writes.table) {
            if writes.rows.inserted > 0 { return "add rows to \(name.table)" }
            if writes.rows.deleted > 0 { return "delete rows of \(name.table)" }
            let isChanged = name.column.map { writes.changedColumns.contains(SQLName.folded($0)) }
            if isChanged ?? (writes.rows.updated > 0) { return "change it" }
        }
        return nil
    }

    private func moduleViolation(_ recorded: RecordedWrites.Checkpoint) -> Violation? {
        if foreign.isEmpty { return nil }
        for writes in recorded.tables {
            if let module = foreign[SQLName.folded(writes.table)] { return .otherModule(writes.table, module: module) }
        }
        return nil
    }

    // MARK: Limits

    private func limitViolation(_ recorded: RecordedWrites.Checkpoint) -> Violation? {
        if let limit = limits.rows, recorded.rows > limit { return .rows(found: recorded.rows, limit: limit) }
        for writes in recorded.tables where writes.ownership != .system && !limits.admits(writes.table) {
            return .table(writes.table, allowed: (limits.tables ?? []).sorted())
        }
        guard let share = limits.deletedShare else { return nil }
        for (table, rows) in recorded.dropped.sorted(by: { $0.key < $1.key }) where rows > 0 && share < 1 {
            return .deletedShare(table: table, deleted: rows, of: rows, limit: share)
        }
        for writes in recorded.tables where writes.ownership != .system {
            let deleted = Int64(writes.rows.deleted) + writes.deletedBefore
            // Rows that the batch itself had added may be deleted again.
            let total = max(writes.rowsBefore, deleted)
            if Double(deleted) > share * Double(total) {
                return .deletedShare(table: writes.table, deleted: deleted, of: total, limit: share)
            }
        }
        return nil
    }
}

/// The tenant that a batch works for, where tenants share tables.
public struct TenantScope: Hashable, Sendable {
    /// The column that names the owner of a row. Tables without it are shared.
    public var column: String
    /// The tenant; nil for a batch without one, which may write shared tables only.
    public var tenant: String?
    /// Further tenants, of a rollback that undoes batches of several.
    public var others: Set<String>
    /// Shared tables that the job says it writes.
    public var sharedTables: Set<String>

    public init(column: String, tenant: String?, others: Set<String> = [], sharedTables: Set<String> = []) {
        self.column = column
        self.tenant = tenant
        self.others = others
        self.sharedTables = sharedTables
    }

    /// Every tenant whose rows may change; none for a batch without a tenant.
    public var tenants: [String] { (tenant.map { [$0] } ?? []) + others.sorted() }

    /// Names are compared as SQLite compares them.
    func lists(_ table: String) -> Bool { sharedTables.contains { SQLName.areSame($0, table) } }
}

/// A table, or a column of one, that only an approved batch may change.
public struct ProtectedName: Hashable, Sendable {
    public var table: String
    /// Nil: the whole table.
    public var column: String?

    /// - Parameter text: `ledger_entries` or `payments.amount_cents`.
    public init(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        table = parts.first ?? text
        column = parts.count > 1 ? parts[1] : nil
    }

    /// As it is written in `batchmgr.yaml`.
    public var text: String { column.map { "\(table).\($0)" } ?? table }

    /// Names are compared as SQLite compares them.
    public func isOf(_ table: String) -> Bool { SQLName.areSame(self.table, table) }
}

extension WritePolicy {
    /// Why a checkpoint may not be committed.
    public enum Violation: Hashable, Sendable {
        case otherTenant(table: String, row: RecordedWrites.ForeignRow)
        /// A batch without a tenant wrote to a table of tenants.
        case noTenant(table: String)
        case unlistedShared(table: String)
        case computedOwner(table: String, column: String)
        /// A batch for one tenant changed the schema.
        case tenantSchemaChange
        case disowned(table: String, column: String)
        case protected(name: String, what: String)
        case classified(name: String, kind: String, what: String)
        case rows(found: Int64, limit: Int64)
        case table(String, allowed: [String])
        case otherModule(String, module: String)
        case deletedShare(table: String, deleted: Int64, of: Int64, limit: Double)

        public var error: BatchError {
            switch self {
            case .otherTenant(let table, let row):
                let verb = row.side == .before ? "belongs" : "would belong"
                return BatchError(
                    .otherTenant, "table \(table), row \(row.key): it \(verb) to a tenant that is not the batch's",
                    hint: "limit the statement to rows of the tenant: WHERE tenant column = :tenant",
                    cause: .otherTenantsRow)
            case .noTenant(let table):
                return BatchError(
                    .otherTenant, "table \(table) holds rows of tenants, and the batch runs for no tenant",
                    hint: "name the tenant: --tenant NAME")
            case .unlistedShared(let table):
                return BatchError(
                    .otherTenant,
                    "table \(table) is shared by all tenants, and the job does not declare that it writes it",
                    hint: "add it to the job: shared_tables: [\(table)]; for --sql: --shared-table \(table)")
            case .computedOwner(let table, let column):
                return BatchError(
                    .otherTenant,
                    "table \(table) computes \(column), so it is not clear which tenant its rows belong to",
                    hint: "make \(column) an ordinary column of \(table)")
            case .tenantSchemaChange:
                return BatchError(
                    .otherTenant, "a batch for one tenant may not change the schema: it belongs to all of them",
                    hint: "run it without --tenant")
            case .disowned(let table, let column):
                return BatchError(
                    .otherTenant,
                    "table \(table) would be gone, or lose the column \(column) that says which tenant a row belongs to",
                    hint: "make a plan for a person to approve: \(command: "run --id JOB --propose")")
            case .protected(let name, let what):
                return BatchError(
                    .protectedData, "\(name) is protected, and the batch would \(what)",
                    hint: "make a plan for a person to approve: \(command: "run --id JOB --propose")")
            case .classified(let name, let kind, let what):
                return BatchError(
                    .approvalRequired, "\(name) is of class \(kind), and the batch would \(what)",
                    hint: "make a plan for a person to approve: \(command: "run --id JOB --propose")",
                    cause: .needsPlan)
            case .rows(let found, let limit):
                return BatchError(
                    .limitExceeded, "the batch would change \(found) rows, and its limit is \(limit)",
                    hint:
                        "make it smaller, raise 'limits.rows' of the job, or make a plan for a person to approve: \(command: "run --id JOB --propose")"
                )
            case .table(let table, let allowed):
                return BatchError(
                    .limitExceeded,
                    "the batch would change table \(table), and its limit is \(allowed.joined(separator: ", "))",
                    hint: "add the table to 'limits.tables' of the job")
            case .otherModule(let table, let module):
                return BatchError(
                    .limitExceeded,
                    "table \(table) belongs to module \(module), and the job does not declare that it uses it",
                    hint: "add it to the job: uses: [\(module)]; see docs/reliability.md")
            case .deletedShare(let table, let deleted, let total, let limit):
                return BatchError(
                    .limitExceeded,
                    "the batch would delete \(deleted) of \(total) rows of table \(table), more than a share of \(limit)",
                    hint: "make a plan for a person to approve: \(command: "run --id JOB --propose")")
            }
        }
    }
}

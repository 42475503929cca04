/// Why a checkpoint may not be committed.
public enum PolicyViolation: Hashable, Sendable {
    case otherTenant(table: String, row: RecordedWrites.ForeignRow)
    /// A batch without a tenant wrote to a table of tenants.
    case noTenant(table: String)
    case unlistedShared(table: String)
    case computedOwner(table: String, column: String)
    /// A batch for one tenant changed the schema.
    case tenantSchemaChange
    case disowned(table: String, column: String)
    case protected(name: String, what: String)
    case rows(found: Int64, limit: Int64)
    case table(String, allowed: [String])
    case deletedShare(table: String, deleted: Int64, of: Int64, limit: Double)

    public var error: BatchError {
        switch self {
        case .otherTenant(let table, let row):
            let verb = row.side == .before ? "belongs" : "would belong"
            return BatchError(
                .otherTenant, "table \(table), row \(row.key): it \(verb) to another tenant than that of the batch",
                hint: "limit the statement to rows of the tenant: WHERE tenant column = :tenant")
        case .noTenant(let table):
            return BatchError(
                .otherTenant, "table \(table) holds rows of tenants, and the batch runs for none",
                hint: "name the tenant: --tenant NAME")
        case .unlistedShared(let table):
            return BatchError(
                .otherTenant, "table \(table) is shared by all tenants, and the job does not say that it writes it",
                hint: "add it to the job: shared_tables: [\(table)]; for --sql: --shared-table \(table)")
        case .computedOwner(let table, let column):
            return BatchError(
                .otherTenant, "table \(table) computes \(column), so its rows do not say whose they are",
                hint: "make \(column) an ordinary column of \(table)")
        case .tenantSchemaChange:
            return BatchError(
                .otherTenant, "a batch for one tenant may not change the schema: it belongs to all of them",
                hint: "run it without --tenant")
        case .disowned(let table, let column):
            return BatchError(
                .otherTenant, "table \(table) would be gone, or lose the column \(column) that says whose its rows are",
                hint: "make a plan of it for a person to approve: \(command: "run --id JOB --propose")")
        case .protected(let name, let what):
            return BatchError(
                .protectedData, "\(name) is protected, and the batch would \(what)",
                hint: "make a plan of it for a person to approve: \(command: "run --id JOB --propose")")
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
        case .deletedShare(let table, let deleted, let total, let limit):
            return BatchError(
                .limitExceeded,
                "the batch would delete \(deleted) of \(total) rows of table \(table), more than a share of \(limit)",
                hint: "make a plan of it for a person to approve: \(command: "run --id JOB --propose")")
        }
    }
}

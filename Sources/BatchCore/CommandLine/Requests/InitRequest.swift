/// `init`
public struct InitRequest: Hashable, Sendable {
    public let database: String
    public let tenancy: Tenancy
    /// Set exactly when the tenancy is by column.
    public let tenantColumn: String?

    /// - Throws: `ERR_UX_USAGE` when tenancy, column and path do not go together.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        database = try arguments.required("database")
        tenantColumn = arguments.value("tenant-column")
        let asked = arguments.value("tenancy").flatMap { Tenancy(rawValue: $0) }
        tenancy = asked ?? (tenantColumn == nil ? .none : .column)
        if tenancy == .column, tenantColumn == nil {
            throw .missing("--tenant-column NAME for --tenancy column", of: arguments.verb)
        }
        if tenancy != .column, tenantColumn != nil {
            throw .usage("--tenant-column does not go with --tenancy \(tenancy.rawValue)", arguments.verb)
        }
        let names = database.contains("{tenant}")
        guard names == (tenancy == .file) else {
            throw .usage(
                names
                    ? "a path with {tenant} needs --tenancy file"
                    : "--tenancy file needs a path with {tenant}, e.g. data/{tenant}.db", arguments.verb)
        }
    }
}

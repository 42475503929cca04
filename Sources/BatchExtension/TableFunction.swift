internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// A table that takes arguments: `SELECT * FROM batch_changes('import.1')`.
struct TableFunction: Sendable {
    /// Rows, one after another.
    typealias Rows = () throws(BatchError) -> [SQLValue]?

    let name: String
    let columns: [String]
    /// All of them must be given.
    let parameters: [String]
    let rows: @Sendable (Host, [String]) throws(BatchError) -> Rows

    var definition: String {
        let hidden = parameters.map { SQLName.quote($0) + " HIDDEN" }
        return "CREATE TABLE x(\((columns.map { SQLName.quote($0) } + hidden).joined(separator: ", ")))"
    }

    /// As a person calls it.
    var call: String { parameters.isEmpty ? name : "\(name)(\(parameters.joined(separator: ", ")))" }
}

extension TableModule {
    convenience init(_ function: TableFunction) {
        self.init(function.name) { host, _ in FunctionTable(host, function) }
    }
}

private final class FunctionTable: HostTable {
    private let function: TableFunction

    init(_ host: Host, _ function: TableFunction) {
        self.function = function
        super.init(host)
    }

    override var definition: String { function.definition }

    override func plan(_ conditions: [Condition], columns: UInt64) throws(BatchError) -> Plan? {
        var plan = Plan()
        for position in function.parameters.indices {
            let column = Int32(function.columns.count + position)
            let given = conditions.indices.filter { conditions[$0].column == column && conditions[$0].isEqual }
            guard let first = given.first else {
                throw BatchError(
                    .usage, "\(function.parameters[position]) is not given",
                    hint: "SELECT * FROM \(function.call)")
            }
            // It comes from another table, which has to be read first.
            guard let usable = given.first(where: { conditions[$0].isUsable }) ?? nil else {
                _ = first
                return nil
            }
            plan.arguments.append(usable)
        }
        return plan
    }

    override func open() -> HostCursor { FunctionCursor(host, function) }
}

private final class FunctionCursor: HostCursor {
    private let host: Host
    private let function: TableFunction
    private var rows: TableFunction.Rows?
    private var row: [SQLValue]?
    private var arguments: [SQLValue] = []
    private var number: Int64 = 0

    init(_ host: Host, _ function: TableFunction) {
        self.host = host
        self.function = function
    }

    override var isAtEnd: Bool { row == nil }
    override var rowid: Int64 { number }

    override func begin(_ plan: Int32, _ arguments: [SQLValue]) throws(BatchError) {
        row = nil
        rows = nil
        number = 0
        self.arguments = arguments
        var texts: [String] = []
        for (name, value) in zip(function.parameters, arguments) {
            // Nothing is equal to NULL.
            if value.isNull { return }
            texts.append(try TableArgument.text(value, name, hint: "SELECT * FROM \(function.call)"))
        }
        defer { host.dropStatementsUnlessOpen() }
        rows = try function.rows(host, texts)
        try next()
    }

    override func next() throws(BatchError) {
        row = try rows?()
        number &+= 1
    }

    override func give(_ column: Int32, to call: OpaquePointer) {
        let position = Int(column)
        if let row, row.indices.contains(position) { return HostValue.give(row[position], to: call) }
        let argument = position - function.columns.count
        if arguments.indices.contains(argument) { HostValue.give(arguments[argument], to: call) }
    }
}

/// The tables that show the ledger.
extension TableFunction {
    static let all: [TableFunction] = [
        listing(
            "batch_log",
            [
                ("batch", "batch"), ("job", "job"), ("kind", "kind"), ("status", "status"), ("tenant", "tenant"),
                ("actor", "actor"), ("inserted", "inserted"), ("updated", "updated"), ("deleted", "deleted"),
                ("started_at", "started_at"), ("finished_at", "finished_at"), ("trace_id", "trace_id"),
                ("rolls_back", "rolls_back"), ("error", "error"),
            ], from: "main.batchmgr_batches ORDER BY seq"),
        listing(
            "batch_points",
            [
                ("batch", "b.batch"), ("kind", "p.kind"), ("status", "p.status"), ("created_at", "p.created_at"),
                ("bak", "p.bak"), ("bak_kind", "p.bak_kind"), ("commit", "p.commit_id"), ("digest", "p.digest"),
            ], from: "main.batchmgr_points p LEFT JOIN main.batchmgr_batches b ON b.seq = p.batch ORDER BY p.id"),
        listing(
            "batch_audit",
            ["at", "trace_id", "actor", "tenant", "action", "batch", "outcome", "details"].map { ($0, $0) },
            from: "main.batchmgr_audit ORDER BY seq"),
        checkpoints, dependents, changes, rowHistory,
    ]

    /// A SELECT from tables of the ledger; without rows where there is none.
    private static func listing(
        _ name: String, _ columns: [(name: String, expression: String)], from tables: String
    ) -> TableFunction {
        let sql = "SELECT \(columns.map(\.expression).joined(separator: ", ")) FROM \(tables)"
        return TableFunction(name: name, columns: columns.map(\.name), parameters: []) { (host, _) throws(BatchError) in
            guard try Ledger(host.connection).exists() else { return { nil } }
            return try TableFunction.rows(of: sql, [], host)
        }
    }

    private static func rows(of sql: String, _ parameters: [SQLValue], _ host: Host) throws(BatchError) -> Rows {
        let statement = try host.connection.prepare(sql)
        try statement.bind(parameters)
        return { () throws(BatchError) in try statement.step() ? statement.values : nil }
    }

    private static let checkpoints = TableFunction(
        name: "batch_checkpoints",
        columns: ["number", "step", "committed_at", "inserted", "updated", "deleted", "undone_by"],
        parameters: ["batch"]
    ) { (host, arguments) throws(BatchError) in
        let batch = try host.batch(arguments[0])
        let sql = """
            SELECT c.number, c.step, c.committed_at, c.inserted, c.updated, c.deleted, b.batch \
            FROM main.batchmgr_checkpoints c LEFT JOIN main.batchmgr_checkpoints u ON u.id = c.undone_by \
            LEFT JOIN main.batchmgr_batches b ON b.seq = u.batch WHERE c.batch = ? ORDER BY c.number
            """
        return try rows(of: sql, [.integer(batch.seq)], host)
    }

    private static let dependents = TableFunction(
        name: "batch_dependents", columns: ["dependent", "depth", "kind", "evidence", "on"], parameters: ["batch"]
    ) { (host, arguments) throws(BatchError) in
        let batch = try host.batch(arguments[0])
        let ledger = try Ledger(host.connection)
        let found = try DependencyGraph(ledger).find(of: batch)
        let edges = found.dependents + found.readers
        let names = try ledger.names(of: Set(edges.flatMap { [$0.batch, $0.on] }))
        var left = edges[...]
        return {
            left.popFirst().map { edge in
                [
                    .optional(names[edge.batch]?.description), .integer(Int64(edge.depth)),
                    .string(edge.kind.rawValue), .string(edge.evidence), .optional(names[edge.on]?.description),
                ]
            }
        }
    }
}

extension Host {
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`, with the name that was probably meant.
    func batch(_ name: String) throws(BatchError) -> BatchRecord {
        try HostLookup(ledger: Ledger(connection)).batch(try BatchReference(name))
    }
}

internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// `batch_as_of`: a table as it was after a batch, in two forms.
///
/// `SELECT row FROM batch_as_of('orders', 'import.3')` needs nothing created and gives rows as JSON;
/// `CREATE VIRTUAL TABLE temp.orders_then USING batch_as_of('orders', 'import.3')` has the columns of the table.
final class AsOfTable: HostTable {
    static let name = "batch_as_of"
    static let usage =
        "CREATE VIRTUAL TABLE temp.t_earlier USING batch_as_of('t', 'JOB.N'), or SELECT * FROM batch_as_of('t', 'JOB.N')"

    /// Nil where table and batch are arguments of the query.
    private let target: (table: String, batch: String)?
    private let layout: TableLayout?

    static var module: TableModule {
        TableModule(name, canBeCreated: true) { (host, arguments) throws(BatchError) in
            try AsOfTable(host, arguments)
        }
    }

    init(_ host: Host, _ arguments: [String]?) throws(BatchError) {
        if let arguments {
            guard arguments.count == 2 else {
                throw BatchError(.usage, "two arguments are needed: table and batch", hint: Hint(AsOfTable.usage))
            }
            let table = AsOfTable.unquoted(arguments[0])
            target = (table, AsOfTable.unquoted(arguments[1]))
            layout = try host.layout(named: table)
        } else {
            target = nil
            layout = nil
        }
        super.init(host)
    }

    /// Arguments of CREATE VIRTUAL TABLE come as they were written.
    private static func unquoted(_ text: String) -> String {
        let text = text.drop { $0 == " " }
        for quote in ["'", "\""] where text.count > 1 && text.hasPrefix(quote) && text.hasSuffix(quote) {
            return String(text.dropFirst().dropLast()).replacing(quote + quote, with: quote)
        }
        return String(text)
    }

    override var definition: String {
        guard let layout else {
            return "CREATE TABLE x(\"key\", \"row\", \"table\" HIDDEN, \"batch\" HIDDEN)"
        }
        let columns = layout.storedColumns.map { position in
            "\(SQLName.quote(layout.columns[position].name)) \(AsOfTable.type(layout.columns[position]))"
        }
        return "CREATE TABLE x(\(columns.joined(separator: ", ")))"
    }

    /// Only the affinity: the text of a type may hold anything.
    private static func type(_ column: Column) -> String {
        let type = column.declaredType.uppercased()
        if type.contains("INT") { return "INTEGER" }
        if ["CHAR", "CLOB", "TEXT"].contains(where: type.contains) { return "TEXT" }
        if type.contains("BLOB") || type.isEmpty { return "BLOB" }
        return column.hasRealAffinity ? "REAL" : "NUMERIC"
    }

    /// The number of a plan: bit 0 says that one row is wanted by its rowid, the others which columns are read.
    private static let byRowid: Int32 = 1

    override func plan(_ conditions: [Condition], columns: UInt64) throws(BatchError) -> Plan? {
        guard let layout else { return try plan(conditions) }
        var plan = Plan()
        plan.cost = 1_000_000
        plan.rows = 1_000_000
        // Bit 63 stands for all columns from there on.
        let used = layout.storedColumns.indices.reduce(Int32(0)) { mask, position in
            position < 30 && columns & (1 << UInt64(position)) != 0 ? mask | 2 << Int32(position) : mask
        }
        let isNarrow = columns >> 30 == 0
        plan.number = isNarrow ? used : -2
        guard case .rowid = layout.key, let key = layout.integerPrimaryKey,
            let position = layout.storedColumns.firstIndex(of: key),
            let index = conditions.firstIndex(where: {
                $0.isEqual && $0.isUsable && ($0.column == Int32(position) || $0.column == -1)
            })
        else { return plan }
        plan.arguments = [index]
        // SQLite compares once more: the value may be of another type than the column.
        plan.areExact = false
        plan.number |= AsOfTable.byRowid
        plan.cost = 10
        plan.rows = 1
        return plan
    }

    private func plan(_ conditions: [Condition]) throws(BatchError) -> Plan? {
        var plan = Plan()
        plan.cost = 1_000_000
        plan.rows = 1_000_000
        for column in [Int32(2), 3] {
            let given = conditions.indices.filter { conditions[$0].column == column && conditions[$0].isEqual }
            guard !given.isEmpty else {
                throw BatchError(.usage, "table and batch are not given", hint: Hint(AsOfTable.usage))
            }
            guard let usable = given.first(where: { conditions[$0].isUsable }) else { return nil }
            plan.arguments.append(usable)
        }
        return plan
    }

    override func open() -> HostCursor {
        target.map { AsOfCursor(host, table: $0.table, batch: $0.batch, layout: layout) } ?? AsOfDocuments(host)
    }
}

/// Rows with their columns.
private final class AsOfCursor: HostCursor {
    private let host: Host
    private let table: String
    private let batch: String
    /// As the columns were declared.
    private let layout: TableLayout?
    private var rows: EarlierRows?
    /// For lookups of single rows, of which a join makes many: all changed rows, gathered once.
    private var changed: EarlierRows.Changed?

    init(_ host: Host, table: String, batch: String, layout: TableLayout?) {
        self.host = host
        self.table = table
        self.batch = batch
        self.layout = layout
    }

    override var isAtEnd: Bool { rows?.isAtEnd ?? true }
    override var rowid: Int64 { rows?.name ?? 0 }
    override var borrowed: BorrowedRow? { rows?.borrowed }

    override func begin(_ plan: Int32, _ arguments: [SQLValue]) throws(BatchError) {
        rows = nil
        var wanted: EarlierRows.Wanted = .all
        if plan & 1 != 0 {
            switch arguments.first {
            case .integer(let rowid):
                wanted = .rowid(rowid, try changedRows())
            // A value that equals no rowid, or one that SQLite makes a number of.
            case .null, nil: return
            default: break
            }
        }
        defer { host.dropStatementsUnlessOpen() }
        let now = try host.layout(named: table)
        guard layout?.holdsSameRows(as: now) == true else {
            throw BatchError(
                .schemaChanged, "table \(table) was altered since this table was created",
                hint: "create it again: \(AsOfTable.usage)")
        }
        let columns = (0..<30).filter { plan & (2 << Int32($0)) != 0 }
        rows = try host.earlierRows(of: now, after: batch, wanted, columns: plan >> 1 == -1 ? nil : columns)
        try next()
    }

    private func changedRows() throws(BatchError) -> EarlierRows.Changed {
        if let changed { return changed }
        let known = try host.changedRows(of: try host.layout(named: table), since: batch)
        changed = known
        return known
    }

    override func next() throws(BatchError) { try rows?.next() }

    override func give(_ column: Int32, to call: OpaquePointer) { rows?.give(Int(column), to: call) }
}

/// Rows as JSON.
private final class AsOfDocuments: HostCursor {
    private let host: Host
    private var rows: EarlierRows?
    private var arguments: [SQLValue] = []
    private var layout: TableLayout?

    init(_ host: Host) { self.host = host }

    override var isAtEnd: Bool { rows?.isAtEnd ?? true }
    override var rowid: Int64 { rows?.number ?? 0 }

    override func begin(_ plan: Int32, _ arguments: [SQLValue]) throws(BatchError) {
        rows = nil
        self.arguments = arguments
        guard arguments.count == 2, !arguments.contains(where: \.isNull) else { return }
        defer { host.dropStatementsUnlessOpen() }
        let table = try TableArgument.text(arguments[0], "table", hint: Hint(AsOfTable.usage))
        let layout = try host.layout(named: table)
        self.layout = layout
        let batch = try TableArgument.text(arguments[1], "batch", hint: Hint(AsOfTable.usage))
        rows = try host.earlierRows(of: layout, after: batch, .all, columns: nil)
        try next()
    }

    override func next() throws(BatchError) { try rows?.next() }

    override func give(_ column: Int32, to call: OpaquePointer) {
        switch column {
        case 0: if let key = rows?.key { HostValue.give(key.value, to: call) }
        case 1:
            guard let layout, let values = rows?.values else { return }
            let members = zip(layout.storedColumns, values).map { position, value in
                JSONValue.Member(layout.columns[position].name, value.json)
            }
            HostValue.give(.string(JSONWriter.text(.object(members))), to: call)
        default:
            let position = Int(column) - 2
            if arguments.indices.contains(position) { HostValue.give(arguments[position], to: call) }
        }
    }
}

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

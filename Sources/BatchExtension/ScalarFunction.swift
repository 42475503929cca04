internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// A function of SQL.
struct ScalarFunction {
    let name: String
    let arguments: ClosedRange<Int32>
    /// Not to be called by triggers, views and the like: it writes, or a stranger's schema could misuse it.
    let isDirectOnly: Bool
    let body: @Sendable (Host, Arguments) throws(BatchError) -> SQLValue

    static let all: [ScalarFunction] = [
        ScalarFunction(name: "batchmgr_version", arguments: 0...0, isDirectOnly: false) { _, _ in
            .string(VersionReport.version)
        },
        ScalarFunction(name: "batch_begin", arguments: 1...3, isDirectOnly: true) {
            (host, arguments) throws(BatchError) in
            let job = try arguments.text(0, "id")
            let tenant = try arguments.optionalText(1, "tenant")
            let options = try arguments.optionalText(2, "options").map { (text) throws(BatchError) in
                try BatchOptions(text)
            }
            return .string(
                "\(try host.write { () throws(BatchError) in try host.begin(job, tenant: tenant, options ?? BatchOptions()) })"
            )
        },
        ScalarFunction(name: "batch_checkpoint", arguments: 1...1, isDirectOnly: true) {
            (host, arguments) throws(BatchError) in
            let name = try arguments.text(0, "name")
            return .integer(Int64(try host.write { () throws(BatchError) in try host.checkpoint(name) }))
        },
        ScalarFunction(name: "batch_commit", arguments: 0...0, isDirectOnly: true) { (host, _) throws(BatchError) in
            .string("\(try host.write { () throws(BatchError) in try host.commit() })")
        },
        ScalarFunction(name: "batch_abort", arguments: 0...0, isDirectOnly: true) { (host, _) throws(BatchError) in
            .string("\(try host.write { () throws(BatchError) in try host.abort() })")
        },
        ScalarFunction(name: "batch_rollback", arguments: 1...2, isDirectOnly: true) {
            (host, arguments) throws(BatchError) in
            let reference = try BatchReference(try arguments.text(0, "id"))
            let mode = try RollbackMode(argument: arguments.optionalText(1, "mode"))
            return .string("\(try host.write { () throws(BatchError) in try host.rollBack(reference, mode) })")
        },
        ScalarFunction(name: "batch_signal", arguments: 2...3, isDirectOnly: true) {
            (host, arguments) throws(BatchError) in
            let name = try arguments.text(0, "name")
            let tenant = try arguments.optionalText(2, "tenant")
            try host.addSignal(name, try arguments.number(1, "value"), tenant: tenant)
            return arguments.value(1)
        },
        ScalarFunction(name: "batch_switch", arguments: 1...1, isDirectOnly: false) {
            (host, arguments) throws(BatchError) in
            .string(try host.switchValue(try arguments.text(0, "name")))
        },
        ScalarFunction(name: "batch_digest", arguments: 1...1, isDirectOnly: false) {
            (host, arguments) throws(BatchError) in
            .string(try host.digest(of: try arguments.text(0, "table")).description)
        },
    ]

    /// What SQLite keeps for a function: this and its host.
    private final class Binding {
        let function: ScalarFunction
        let host: Host

        init(_ function: ScalarFunction, _ host: Host) {
            self.function = function
            self.host = host
        }

        func call(_ call: OpaquePointer, _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?) {
            let arguments = Arguments(function: function.name, values: values, count: Int(count))
            do throws(BatchError) {
                HostValue.give(try function.body(host, arguments), to: call)
            } catch {
                HostValue.give(error, of: function.name, to: call)
            }
        }
    }

    func register(on database: OpaquePointer, for host: Host) throws(BatchError) {
        let flags = SQLITE_UTF8 | (isDirectOnly ? SQLITE_DIRECTONLY : SQLITE_INNOCUOUS)
        for count in arguments {
            let binding = Unmanaged.passRetained(Binding(self, host)).toOpaque()
            // SQLite frees the binding also when it cannot take the function.
            let code = sqlite3_create_function_v2(
                database, name, count, flags, binding,
                { call, count, values in
                    guard let call, let binding = sqlite3_user_data(call) else { return }
                    Unmanaged<Binding>.fromOpaque(binding).takeUnretainedValue().call(call, count, values)
                }, nil, nil,
                { if let binding = $0 { Unmanaged<Binding>.fromOpaque(binding).release() } })
            guard code == SQLITE_OK else {
                throw BatchError(
                    .sql, "function \(name) cannot be registered: \(String(cString: sqlite3_errstr(code)))",
                    hint: "load the extension when no statement is running")
            }
        }
    }
}

/// `batch_digest`.
extension Host {
    /// Reads every row. The digest that the last batch left is in `batchmgr_state`: when it differs, somebody has written
    /// outside any batch.
    func digest(of table: String) throws(BatchError) -> Digest {
        defer { dropStatementsUnlessOpen() }
        return try StateDigest.compute(try layout(named: table), connection).digest
    }

    /// - Throws: `ERR_UX_UNKNOWN_NAME` when there is no such table, with the name that was probably meant.
    func layout(named table: String) throws(BatchError) -> TableLayout {
        let reader = SchemaReader(connection)
        if let layout = try reader.layout(named: table) { return layout }
        if let gone = try goneTable(table) {
            throw BatchError(
                .schemaChanged, "table \(gone) no longer exists: it was dropped or renamed",
                hint: "restore a point that has it: \(command: "restore --point BATCH --to FILE")")
        }
        let names = try reader.tables().map(\.name)
        throw BatchError(
            .unknownName,
            "there is no table '\(table)' with rows of its own\(Suggestion.clause(for: table, in: names))",
            hint: "see the tables: SELECT name FROM sqlite_schema WHERE type = 'table'")
    }

    /// A table that a batch once wrote to.
    private func goneTable(_ table: String) throws(BatchError) -> String? {
        let ledger = try Ledger(connection)
        return try ledger.exists() ? try ledger.lastLayout(named: table)?.name : nil
    }

    /// Statements that are kept would be in the way of who closes the connection; a batch needs them soon again.
    func dropStatementsUnlessOpen() {
        if batch == nil { connection.dropCachedStatements() }
    }
}

/// The arguments of one call. Positions are counted from 0.
struct Arguments {
    let function: String
    private let values: UnsafeMutablePointer<OpaquePointer?>?
    let count: Int

    init(function: String, values: UnsafeMutablePointer<OpaquePointer?>?, count: Int) {
        self.function = function
        self.values = values
        self.count = count
    }

    /// NULL where there is no such argument.
    func value(_ position: Int) -> SQLValue {
        guard position >= 0, position < count, let value = values?[position] else { return .null }
        return HostValue.read(value)
    }

    /// - Throws: `ERR_UX_USAGE` when it is no text.
    func text(_ position: Int, _ name: String) throws(BatchError) -> String {
        guard let text = try optionalText(position, name) else { throw wrong(name, "is NULL") }
        return text
    }

    /// Nil for NULL and for an argument that was left out.
    func optionalText(_ position: Int, _ name: String) throws(BatchError) -> String? {
        guard size(position) <= Arguments.longestText else { throw wrong(name, "is too long") }
        switch value(position) {
        case .null: return nil
        case .text(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self), !text.contains("\0") else {
                throw wrong(name, "is not valid UTF-8 text")
            }
            return text
        default: throw wrong(name, "is not text")
        }
    }

    /// - Throws: `ERR_UX_USAGE` when it is no number.
    func number(_ position: Int, _ name: String) throws(BatchError) -> Double {
        switch value(position) {
        case .integer(let number): return Double(number)
        case .real(let number): return number
        case .null: throw wrong(name, "is NULL")
        default: throw wrong(name, "is not a number")
        }
    }

    /// In bytes, without a copy of them.
    private func size(_ position: Int) -> Int32 {
        guard position >= 0, position < count, let value = values?[position] else { return 0 }
        return sqlite3_value_bytes(value)
    }

    private static let longestText: Int32 = 1 << 20

    private func wrong(_ name: String, _ what: String) -> BatchError {
        BatchError(.usage, "the argument \(name) \(what)", hint: "see docs/extension.md: \(function)")
    }
}

/// Values on their way between SQLite and Swift.
enum HostValue {
    static func read(_ value: OpaquePointer) -> SQLValue {
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: .integer(sqlite3_value_int64(value))
        case SQLITE_FLOAT: .real(sqlite3_value_double(value))
        case SQLITE_TEXT:
            // The pointer first: it may convert the text, and that changes its length.
            .text(bytes(UnsafeRawPointer(sqlite3_value_text(value)), value))
        case SQLITE_BLOB: .blob(bytes(sqlite3_value_blob(value), value))
        default: .null
        }
    }

    private static func bytes(_ start: UnsafeRawPointer?, _ value: OpaquePointer) -> [UInt8] {
        let count = Int(sqlite3_value_bytes(value))
        guard let start, count > 0 else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    static func give(_ value: SQLValue, to call: OpaquePointer) {
        switch value {
        case .null: sqlite3_result_null(call)
        case .integer(let number): sqlite3_result_int64(call, number)
        case .real(let number): sqlite3_result_double(call, number)
        case .text(let bytes): pass(bytes, call) { csqlite_result_text(call, $0, $1) }
        case .text16(let bytes): pass(bytes, call) { csqlite_result_text16(call, $0, $1) }
        case .blob(let bytes): pass(bytes, call) { csqlite_result_blob(call, $0, $1) }
        }
    }

    /// A null pointer would be NULL, also for an empty text or blob.
    private static func pass(
        _ bytes: [UInt8], _ call: OpaquePointer, _ body: (UnsafeRawPointer, Int32) -> Void
    ) {
        guard let count = Int32(exactly: bytes.count) else { return sqlite3_result_error_toobig(call) }
        bytes.withUnsafeBytes { buffer in
            if let base = buffer.baseAddress { return body(base, count) }
            var nothing: UInt8 = 0
            body(&nothing, 0)
        }
    }

    /// The error as text: what was called, what is wrong, and what to do about it.
    static func give(_ error: BatchError, of function: String, to call: OpaquePointer) {
        sqlite3_result_error(call, words(error, of: function), -1)
        if error.code == .busy { sqlite3_result_error_code(call, SQLITE_BUSY) }
    }

    static func words(_ error: BatchError, of function: String) -> String {
        "\(function): \(error.code.rawValue): \(error.message); hint: \(error.hint.text())"
    }
}

/// The functions that TEMP triggers call for every changed row. Called by anybody else they do nothing.
enum TriggerFunction {
    static func register(on database: OpaquePointer, for host: Host) throws(BatchError) {
        try register(.record, on: database, host) { TriggerFunction.take(.record, $0, $1, $2) }
        try register(.candidate, on: database, host) { TriggerFunction.take(.candidate, $0, $1, $2) }
        try register(.image, on: database, host) { TriggerFunction.take(.image, $0, $1, $2) }
        try register(.announcement, on: database, host) { TriggerFunction.take(.announcement, $0, $1, $2) }
        try register(.end, on: database, host) { TriggerFunction.take(.end, $0, $1, $2) }
    }

    private static func register(
        _ call: Gateway.TriggerCall, on database: OpaquePointer, _ host: Host,
        _ body: @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void
    ) throws(BatchError) {
        let code = sqlite3_create_function_v2(
            database, call.rawValue, -1, SQLITE_UTF8 | SQLITE_INNOCUOUS, Unmanaged.passRetained(host).toOpaque(), body,
            nil, nil, { if let host = $0 { Unmanaged<Host>.fromOpaque(host).release() } })
        guard code == SQLITE_OK else {
            throw BatchError(
                .sql, "function \(call.rawValue) cannot be registered: \(String(cString: sqlite3_errstr(code)))",
                hint: "load the extension when no statement is running")
        }
    }

    private static func take(
        _ kind: Gateway.TriggerCall, _ call: OpaquePointer?, _ count: Int32,
        _ values: UnsafeMutablePointer<OpaquePointer?>?
    ) {
        guard let call, let values, let context = sqlite3_user_data(call) else { return }
        let host = Unmanaged<Host>.fromOpaque(context).takeUnretainedValue()
        guard let gateway = host.recording else { return }
        if let failure = gateway.take(kind, values, count: Int(count)) {
            HostValue.give(failure, of: "batch_begin", to: call)
        }
    }
}

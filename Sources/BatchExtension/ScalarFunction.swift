internal import BatchCore
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
            .string(Tool.version)
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

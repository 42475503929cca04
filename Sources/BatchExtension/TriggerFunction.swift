internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// The functions that TEMP triggers call for every changed row. Called by anybody else they do nothing.
enum TriggerFunction {
    static func register(on database: OpaquePointer, for host: Host) throws(BatchError) {
        try register(.record, on: database, host) { TriggerFunction.take(.record, $0, $1, $2) }
        try register(.candidate, on: database, host) { TriggerFunction.take(.candidate, $0, $1, $2) }
        try register(.image, on: database, host) { TriggerFunction.take(.image, $0, $1, $2) }
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

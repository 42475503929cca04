internal import CSQLite

/// What SQLite asks of us while it compiles and runs statements of a connection: what they may do, and random numbers.
///
/// Setting an authorizer or a function makes SQLite compile every statement anew that is kept. So both are set once for a
/// connection, and ask whoever is in charge: a gateway as long as it is there, or nobody.
///
/// Source: https://www.sqlite.org/c3ref/set_authorizer.html
final class StatementHooks {
    /// Nil: everything may be compiled, as on a connection without an authorizer.
    private(set) weak var authorizer: Authorizer?
    /// Nil: random numbers are as SQLite makes them.
    private(set) weak var inputs: StatementInputs?
    private let handle: OpaquePointer
    private var isAuthorizing = false
    private var hasFunctions = false

    init(_ handle: OpaquePointer) { self.handle = handle }

    private var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    // MARK: The authorizer

    func attach(_ authorizer: Authorizer) {
        self.authorizer = authorizer
        if !isAuthorizing { setAuthorizer() }
    }

    /// What another gateway has attached since stays.
    func detach(_ authorizer: Authorizer) { if self.authorizer === authorizer { self.authorizer = nil } }

    /// Behind an authorizer that somebody has set for one statement.
    func restoreAuthorizer() {
        if isAuthorizing { setAuthorizer() } else { sqlite3_set_authorizer(handle, nil, nil) }
    }

    private func setAuthorizer() {
        isAuthorizing = true
        sqlite3_set_authorizer(
            handle,
            { context, action, first, second, database, source in
                guard let context else { return SQLITE_OK }
                let hooks = Unmanaged<StatementHooks>.fromOpaque(context).takeUnretainedValue()
                return hooks.authorizer?.answer(action, first, second, database, source) ?? SQLITE_OK
            }, context)
    }

    // MARK: Random numbers

    func attach(_ inputs: StatementInputs) {
        self.inputs = inputs
        if !hasFunctions { setFunctions() }
    }

    func detach(_ inputs: StatementInputs) { if self.inputs === inputs { self.inputs = nil } }

    private static func of(_ call: OpaquePointer) -> StatementHooks? {
        sqlite3_user_data(call).map { Unmanaged<StatementHooks>.fromOpaque($0).takeUnretainedValue() }
    }

    private func bytes(_ count: Int) -> [UInt8] {
        if let inputs { return inputs.bytes(count) }
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    private func number() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return inputs?.next() ?? generator.next()
    }

    /// They take the place of SQLite's own, and stay usable in triggers and views.
    private func setFunctions() {
        hasFunctions = true
        let flags = SQLITE_UTF8 | SQLITE_INNOCUOUS
        sqlite3_create_function_v2(
            handle, "random", 0, flags, context,
            { call, _, _ in
                guard let call, let hooks = StatementHooks.of(call) else { return }
                sqlite3_result_int64(call, Int64(bitPattern: hooks.number()))
            }, nil, nil, nil)
        sqlite3_create_function_v2(
            handle, "randomblob", 1, flags, context,
            { call, _, values in
                guard let call, let hooks = StatementHooks.of(call) else { return }
                let wanted = max(1, sqlite3_value_int64(values?[0]))
                guard wanted <= sqlite3_limit(sqlite3_context_db_handle(call), SQLITE_LIMIT_LENGTH, -1) else {
                    return sqlite3_result_error_toobig(call)
                }
                hooks.bytes(Int(wanted)).withUnsafeBytes { csqlite_result_blob(call, $0.baseAddress, Int32($0.count)) }
            }, nil, nil, nil)
    }
}

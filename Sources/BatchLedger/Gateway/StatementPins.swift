internal import BatchCore
internal import CSQLite

/// Gives the statements of a gateway the time and random numbers, and remembers what they were given.
///
/// Within a checkpoint the time stands still at its first use, as it does within a transaction of other databases.
final class StatementPins {
    private unowned let connection: Connection
    /// On SQLite's clock; nil until it is asked for.
    var time: Int64? {
        get {
            isTimeUsed = true
            return pinnedTime
        }
        set { pinnedTime = newValue }
    }
    private var pinnedTime: Int64?
    private var isTimeUsed = false
    private var seed: UInt64 = 0
    private var state: UInt64 = 0
    private var isRandomUsed = false

    init(_ connection: Connection) { self.connection = connection }

    // MARK: Checkpoints

    func begin(_ pin: Pin?) {
        pinnedTime = pin?.time
        var generator = SystemRandomNumberGenerator()
        seed = pin?.seed ?? generator.next()
        state = seed
        isTimeUsed = false
        isRandomUsed = false
        PinnedClock.use(self)
    }

    func end() { PinnedClock.drop(self) }

    /// What was asked for since `begin`; nil when nothing was.
    var used: Pin? {
        guard isTimeUsed || isRandomUsed else { return nil }
        return Pin(time: isTimeUsed ? pinnedTime : nil, seed: isRandomUsed ? seed : nil)
    }

    // MARK: Random numbers

    /// SplitMix64.
    private func next() -> UInt64 {
        isRandomUsed = true
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let number = next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return Array(bytes[..<count])
    }

    /// Takes the place of SQLite's own functions on this connection. They stay usable in triggers and views.
    func attach() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        let flags = SQLITE_UTF8 | SQLITE_INNOCUOUS
        sqlite3_create_function_v2(
            connection.handle, "random", 0, flags, context,
            { call, _, _ in
                guard let call, let pins = StatementPins.of(call) else { return }
                sqlite3_result_int64(call, Int64(bitPattern: pins.next()))
            }, nil, nil, nil)
        sqlite3_create_function_v2(
            connection.handle, "randomblob", 1, flags, context,
            { call, _, values in
                guard let call, let pins = StatementPins.of(call) else { return }
                let wanted = max(1, sqlite3_value_int64(values?[0]))
                guard wanted <= sqlite3_limit(sqlite3_context_db_handle(call), SQLITE_LIMIT_LENGTH, -1) else {
                    return sqlite3_result_error_toobig(call)
                }
                pins.bytes(Int(wanted)).withUnsafeBytes { csqlite_result_blob(call, $0.baseAddress, Int32($0.count)) }
            }, nil, nil, nil)
    }

    func detach() {
        end()
        sqlite3_create_function_v2(connection.handle, "random", 0, SQLITE_UTF8, nil, nil, nil, nil, nil)
        sqlite3_create_function_v2(connection.handle, "randomblob", 1, SQLITE_UTF8, nil, nil, nil, nil, nil)
    }

    private static func of(_ call: OpaquePointer) -> StatementPins? {
        sqlite3_user_data(call).map { Unmanaged<StatementPins>.fromOpaque($0).takeUnretainedValue() }
    }
}

public import BatchCore
internal import CSQLite
internal import Glibc

/// What the statements of a checkpoint see of the world outside: they see the same when they run again.
public struct PinnedInputs: Hashable, Sendable {
    /// SQLite's clock: milliseconds since the beginning of the Julian day numbers. Nil when nothing asked for the time.
    public let time: Int64?
    /// Where `random()` and `randomblob()` begin; nil when nothing asked for them.
    public let seed: UInt64?

    public init(time: Int64?, seed: UInt64?) {
        self.time = time
        self.seed = seed
    }

    /// For a checkpoint that asked for neither: a second run may take another way and ask.
    public init(checkpoint: CheckpointRecord) {
        let committed = Timestamp(iso8601: checkpoint.committedAt)?.milliseconds
        time = committed.map { $0 + PinnedInputs.unixEpoch }
        seed = UInt64(bitPattern: checkpoint.id)
    }

    /// 1970-01-01 on SQLite's clock.
    private static let unixEpoch: Int64 = 210_866_760_000_000
}

extension Ledger {
    func note(_ inputs: PinnedInputs, of checkpoint: Int64) throws(BatchError) {
        try connection.run(
            "INSERT INTO main.batchmgr_pins VALUES(?, ?, ?)",
            [
                .integer(checkpoint), inputs.time.map(SQLValue.integer) ?? .null,
                inputs.seed.map { .integer(Int64(bitPattern: $0)) } ?? .null,
            ])
    }

    /// What to pin when this checkpoint runs again.
    public func pinnedInputs(for checkpoint: CheckpointRecord) throws(BatchError) -> PinnedInputs {
        let fallback = PinnedInputs(checkpoint: checkpoint)
        let row = try connection.rows(
            "SELECT time, seed FROM main.batchmgr_pins WHERE checkpoint = ?", [.integer(checkpoint.id)]
        ).first
        return PinnedInputs(
            time: row?[0].integer ?? fallback.time,
            seed: row?[1].integer.map { UInt64(bitPattern: $0) } ?? fallback.seed)
    }
}

/// Gives the statements of a gateway the time and random numbers, and remembers what they were given.
///
/// Within a checkpoint the time stands still at its first use, as it does within a transaction of other databases.
final class StatementInputs {
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

    func begin(_ inputs: PinnedInputs?) {
        pinnedTime = inputs?.time
        var generator = SystemRandomNumberGenerator()
        seed = inputs?.seed ?? generator.next()
        state = seed
        isTimeUsed = false
        isRandomUsed = false
        // Another gateway of this connection may have come and gone.
        attach()
        PinnedClock.use(self)
    }

    func end() { PinnedClock.drop(self) }

    /// What was asked for since `begin`; nil when nothing was.
    var used: PinnedInputs? {
        guard isTimeUsed || isRandomUsed else { return nil }
        return PinnedInputs(time: isTimeUsed ? pinnedTime : nil, seed: isRandomUsed ? seed : nil)
    }

    // MARK: Random numbers

    /// SplitMix64.
    func next() -> UInt64 {
        isRandomUsed = true
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let number = next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return Array(bytes[..<count])
    }

    func attach() { connection.hooks.attach(self) }

    func detach() {
        end()
        connection.hooks.detach(self)
    }
}

/// SQLite's own file system with one change: what time it is can be said beforehand, for the transaction that runs on
/// this thread. Every way to ask for the time (`'now'`, `CURRENT_TIMESTAMP`, defaults of columns) comes through here.
///
/// Source: https://www.sqlite.org/c3ref/vfs.html
enum PinnedClock {
    /// The name to open connections with; nil when the system has none of its own to build on.
    static let name: String? = register()

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// Asks these inputs for the time from here on; nil for the system's clock.
    static func use(_ inputs: StatementInputs?) {
        pthread_setspecific(key, inputs.map { Unmanaged.passUnretained($0).toOpaque() })
    }

    /// Stops asking these inputs, if they are the ones.
    static func drop(_ inputs: StatementInputs) {
        if pthread_getspecific(key) == Unmanaged.passUnretained(inputs).toOpaque() { use(nil) }
    }

    private static func register() -> String? {
        guard let system = sqlite3_vfs_find(nil), system.pointee.iVersion >= 2 else { return nil }
        let own = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        own.initialize(to: system.pointee)
        own.pointee.pNext = nil
        own.pointee.zName = UnsafePointer(strdup("batchmgr"))
        own.pointee.xCurrentTimeInt64 = { _, answer in
            guard let pointer = pthread_getspecific(PinnedClock.key) else { return PinnedClock.system(answer) }
            let inputs = Unmanaged<StatementInputs>.fromOpaque(pointer).takeUnretainedValue()
            if let now = inputs.time {
                answer?.pointee = now
                return SQLITE_OK
            }
            let code = PinnedClock.system(answer)
            inputs.time = answer?.pointee
            return code
        }
        return sqlite3_vfs_register(own, 0) == SQLITE_OK ? "batchmgr" : nil
    }

    private static func system(_ answer: UnsafeMutablePointer<sqlite3_int64>?) -> Int32 {
        guard let system = sqlite3_vfs_find(nil) else { return SQLITE_ERROR }
        return system.pointee.xCurrentTimeInt64?(system, answer) ?? SQLITE_ERROR
    }
}

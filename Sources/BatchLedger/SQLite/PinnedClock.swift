internal import BatchCore
internal import CSQLite
internal import Glibc

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

    /// Asks these pins for the time from here on; nil for the system's clock.
    static func use(_ pins: StatementPins?) {
        pthread_setspecific(key, pins.map { Unmanaged.passUnretained($0).toOpaque() })
    }

    /// Stops asking these pins, if they are the ones.
    static func drop(_ pins: StatementPins) {
        if pthread_getspecific(key) == Unmanaged.passUnretained(pins).toOpaque() { use(nil) }
    }

    private static func register() -> String? {
        guard let system = sqlite3_vfs_find(nil), system.pointee.iVersion >= 2 else { return nil }
        let own = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        own.initialize(to: system.pointee)
        own.pointee.pNext = nil
        own.pointee.zName = UnsafePointer(strdup("batchmgr"))
        own.pointee.xCurrentTimeInt64 = { _, answer in
            guard let pointer = pthread_getspecific(PinnedClock.key) else { return PinnedClock.system(answer) }
            let pins = Unmanaged<StatementPins>.fromOpaque(pointer).takeUnretainedValue()
            if let now = pins.time {
                answer?.pointee = now
                return SQLITE_OK
            }
            let code = PinnedClock.system(answer)
            pins.time = answer?.pointee
            return code
        }
        return sqlite3_vfs_register(own, 0) == SQLITE_OK ? "batchmgr" : nil
    }

    private static func system(_ answer: UnsafeMutablePointer<sqlite3_int64>?) -> Int32 {
        guard let system = sqlite3_vfs_find(nil) else { return SQLITE_ERROR }
        return system.pointee.xCurrentTimeInt64?(system, answer) ?? SQLITE_ERROR
    }
}

internal import BatchSystem
internal import CSQLite

/// Waits for a lock that another connection holds.
///
/// SQLite's own timeout looks every 100 ms in the end: beside a program that writes without a pause, which leaves the lock
/// free for microseconds, it finds the lock taken each time.
final class BusyWait {
    /// Milliseconds.
    var limit: Int64
    private var end: Int64 = 0

    init(_ milliseconds: Int32, on database: OpaquePointer) {
        limit = Int64(milliseconds)
        sqlite3_busy_handler(
            database,
            { context, count in
                guard let context else { return 0 }
                return Unmanaged<BusyWait>.fromOpaque(context).takeUnretainedValue().wait(count) ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// - Parameter count: how often it was called for this lock before.
    /// - Returns: false when it has taken too long, and in a process that is ending.
    private func wait(_ count: Int32) -> Bool {
        let now = SteadyClock.now()
        if count == 0 { end = now + limit }
        guard now < end, !UnfinishedFiles.isEnding else { return false }
        // Not in step with whoever writes.
        WallClock.sleep(microseconds: 300 + Int64(count % 7) * 150)
        return true
    }
}

/// Asks now and then while a statement runs whether it is to end.
final class Interruption {
    private let condition: () -> Bool

    init(_ condition: @escaping () -> Bool, on database: OpaquePointer) {
        self.condition = condition
        sqlite3_progress_handler(
            database, 20_000,
            { context in
                guard let context else { return 0 }
                return Unmanaged<Interruption>.fromOpaque(context).takeUnretainedValue().condition() ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}

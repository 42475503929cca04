internal import BatchSystem
internal import CSQLite
internal import Glibc
internal import Synchronization

/// The connections of this process, for one that is to end in the middle of its work: SQLite leaves the
/// journal of an open transaction beside the database, and a copy of that file alone would be torn.
///
/// Only a process that asks for it keeps the list. A host of the extension does not: it may fork at any time.
public enum OpenConnections {
    private struct State {
        var isWatched = false
        /// By the address of the handle: the thread that opened it, or began the last transaction.
        var owners: [UInt: pthread_t] = [:]
        /// Those with transactions that others could be kept waiting by. Copies of ours have none.
        var writers: Set<UInt> = []
    }

    private static let state = Mutex(State())

    /// From now on the list is kept.
    public static func watch() { state.withLock { $0.isWatched = true } }

    static func add(_ handle: OpaquePointer) {
        let address = UInt(bitPattern: handle)
        state.withLock { if $0.isWatched { $0.owners[address] = pthread_self() } }
    }

    static func noteOwner(_ handle: OpaquePointer) {
        let address = UInt(bitPattern: handle)
        state.withLock {
            guard $0.owners[address] != nil else { return }
            $0.owners[address] = pthread_self()
            $0.writers.insert(address)
        }
    }

    static func remove(_ handle: OpaquePointer) {
        let address = UInt(bitPattern: handle)
        state.withLock {
            $0.owners[address] = nil
            $0.writers.remove(address)
        }
    }

    /// Rolls back what is open: statements end, on all connections, so that their threads do it; for threads that wait
    /// for the end of the process already it is done here. Call it when nothing is committed any more.
    /// - Returns: true when nothing is open.
    public static func rollback() -> Bool {
        state.withLock { state in
            // SQLite itself reads this without a lock: at worst a transaction is seen a moment too long.
            let open = state.writers.filter(isOpen)
            if open.isEmpty { return true }
            for (address, owner) in state.owners {
                if !UnfinishedFiles.isWaiting(owner) {
                    sqlite3_interrupt(OpaquePointer(bitPattern: address))
                } else if open.contains(address) {
                    sqlite3_exec(OpaquePointer(bitPattern: address), "ROLLBACK", nil, nil, nil)
                }
            }
            return !open.contains(where: isOpen)
        }
    }

    private static func isOpen(_ address: UInt) -> Bool {
        sqlite3_get_autocommit(OpaquePointer(bitPattern: address)) == 0
    }
}

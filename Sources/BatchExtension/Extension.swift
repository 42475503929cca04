internal import BatchCore
internal import CSQLite
internal import SQLiteForward

/// What SQLite calls when a host loads `batchmgr.so`: registers the functions and tables on its connection.
///
/// The library stays for the life of the process: functions of it may be in use by other connections, and threads of it
/// may be running.
@c(sqlite3_batchmgr_init)
public func loadExtension(
    _ database: OpaquePointer?, _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ routines: UnsafeRawPointer?
) -> Int32 {
    let outcome = UInt32(bitPattern: sqlite_forward_to(routines))
    guard outcome != SQLITE_FORWARD_TOO_OLD.rawValue, let database else {
        // Nothing of SQLite may be called, not even to say so.
        return SQLITE_ERROR
    }
    guard outcome == SQLITE_FORWARD_READY.rawValue else {
        message?.pointee = HostMemory.text(
            "batchmgr: another SQLite library of this process has loaded the extension; use one of the two")
        return SQLITE_ERROR
    }
    do throws(BatchError) {
        try Registration(database).perform()
        return csqlite_ok_load_permanently
    } catch {
        message?.pointee = HostMemory.text("batchmgr: \(error.message)")
        return SQLITE_ERROR
    }
}

internal import BatchCore
internal import BatchLedger
internal import CSQLite
internal import Glibc

/// Refuses statements of a host that drop or alter a table of the ledger, or put a trigger on one.
///
/// A connection has one authorizer. That of the host is asked as before; one that it sets later takes the place of this.
enum LedgerProtection {
    static func attach(to host: Host) {
        guard let place = HookPlace.authorizer else { return }
        let found = place.read(host.database)
        if found.function == unsafeBitCast(authorize, to: UnsafeRawPointer.self) { return }
        host.authorizer = found.function == nil ? nil : found
        sqlite3_set_authorizer(host.database, authorize, Unmanaged.passUnretained(host).toOpaque())
    }

    private static let authorize: HookPlace.Authorize = { context, action, first, second, database, source in
        guard let context else { return SQLITE_OK }
        let host = Unmanaged<Host>.fromOpaque(context).takeUnretainedValue()
        if !host.isAtWork, LedgerProtection.refuses(action, first, second) { return SQLITE_DENY }
        guard let hook = host.authorizer, let function = hook.function else { return SQLITE_OK }
        return unsafeBitCast(function, to: HookPlace.Authorize.self)(
            hook.argument, action, first, second, database, source)
    }

    private static func refuses(
        _ action: Int32, _ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?
    ) -> Bool {
        switch action {
        case SQLITE_DROP_TABLE, SQLITE_DROP_INDEX: isOfLedger(first)
        case SQLITE_ALTER_TABLE, SQLITE_CREATE_TRIGGER, SQLITE_CREATE_TEMP_TRIGGER: isOfLedger(second)
        default: false
        }
    }

    private static func isOfLedger(_ name: UnsafePointer<CChar>?) -> Bool {
        guard let name, strncasecmp(name, "batchmgr_", 9) == 0 else { return false }
        return Ledger.objectNames.contains(SQLName.folded(String(cString: name)))
    }
}

internal import BatchCore
internal import BatchLedger
internal import CSQLite
internal import Glibc
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

/// Gives the functions and tables to one connection.
struct Registration {
    private let database: OpaquePointer

    init(_ database: OpaquePointer) { self.database = database }

    func perform() throws(BatchError) {
        // Loaded before, perhaps in the middle of a batch: what is there stays.
        if isDone { return }
        let host = Host(database)
        for function in ScalarFunction.all { try function.register(on: database, for: host) }
        for function in TableFunction.all { try TableModule(function).register(on: database, for: host) }
        try AsOfTable.module.register(on: database, for: host)
        try TriggerFunction.register(on: database, for: host)
        try TransactionTable.register(on: database, for: host)
        LedgerProtection.attach(to: host)
    }

    private var isDone: Bool {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        return sqlite3_prepare_v3(database, "SELECT batchmgr_version()", -1, 0, &statement, nil) == SQLITE_OK
    }
}

/// Memory that SQLite frees.
enum HostMemory {
    /// A copy with a NUL after it; nil when there is no memory.
    static func text(_ text: String) -> UnsafeMutablePointer<CChar>? {
        let bytes = Array(text.utf8)
        guard let memory = sqlite3_malloc64(sqlite3_uint64(bytes.count) + 1) else { return nil }
        let characters = memory.bindMemory(to: CChar.self, capacity: bytes.count + 1)
        for (index, byte) in bytes.enumerated() { characters[index] = CChar(bitPattern: byte) }
        characters[bytes.count] = 0
        return characters
    }
}

/// Refuses statements of a host that drop or alter a table of the ledger, or put a trigger on one.
///
/// A connection has one authorizer. That of the host is asked as before; one that it sets later takes the place of this.
enum LedgerProtection {
    static func attach(to host: Host) {
        guard let place = HookPlace.authorizer else { return }
        _ = host.connection.ledgerNames
        let found = place.read(host.database)
        if found.function == unsafeBitCast(authorize, to: UnsafeRawPointer.self) { return }
        host.authorizer = found.function == nil ? nil : found
        sqlite3_set_authorizer(host.database, authorize, Unmanaged.passUnretained(host).toOpaque())
    }

    private static let authorize: HookPlace.Authorize = { context, action, first, second, database, source in
        guard let context else { return SQLITE_OK }
        let host = Unmanaged<Host>.fromOpaque(context).takeUnretainedValue()
        if !host.isAtWork, LedgerProtection.refuses(action, first, second, host) { return SQLITE_DENY }
        guard let hook = host.authorizer, let function = hook.function else { return SQLITE_OK }
        return unsafeBitCast(function, to: HookPlace.Authorize.self)(
            hook.argument, action, first, second, database, source)
    }

    private static func refuses(
        _ action: Int32, _ first: UnsafePointer<CChar>?, _ second: UnsafePointer<CChar>?, _ host: Host
    ) -> Bool {
        switch action {
        case SQLITE_DROP_TABLE, SQLITE_DROP_INDEX: isOfLedger(first, host)
        case SQLITE_ALTER_TABLE, SQLITE_CREATE_TRIGGER, SQLITE_CREATE_TEMP_TRIGGER: isOfLedger(second, host)
        default: false
        }
    }

    /// SQLite is compiling: nothing is read here.
    private static func isOfLedger(_ name: UnsafePointer<CChar>?, _ host: Host) -> Bool {
        guard let name, strncasecmp(name, "batchmgr_", 9) == 0 else { return false }
        let names = host.connection.knownLedgerNames ?? .usual
        return names.objects.contains(SQLName.folded(String(cString: name)))
    }
}

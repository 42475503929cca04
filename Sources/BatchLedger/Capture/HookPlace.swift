internal import BatchCore
public import CSQLite

/// The place inside a connection where SQLite keeps a hook: the function, and the argument that it gets.
///
/// SQLite tells nobody which function is set, and setting one throws away the one before. The hooks of a host must neither
/// be lost nor replaced in silence, so the place is looked up once, on a connection of ours with a hook that is known.
public struct HookPlace: Sendable {
    public struct Hook: Equatable {
        public let function: UnsafeRawPointer?
        public let argument: UnsafeMutableRawPointer?

        public init(function: UnsafeRawPointer?, argument: UnsafeMutableRawPointer?) {
            self.function = function
            self.argument = argument
        }
    }

    /// In bytes from the beginning of the connection.
    private let function: Int
    private let argument: Int

    /// What is set on this connection; nothing is called and nothing changes.
    public func read(_ database: OpaquePointer) -> Hook {
        let base = UnsafeRawPointer(database)
        return Hook(
            function: base.load(fromByteOffset: function, as: UnsafeRawPointer?.self),
            argument: base.load(fromByteOffset: argument, as: UnsafeMutableRawPointer?.self))
    }

    public typealias Preupdate =
        @convention(c) (
            UnsafeMutableRawPointer?, OpaquePointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?,
            sqlite3_int64,
            sqlite3_int64
        ) -> Void
    public typealias Update =
        @convention(c) (
            UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?, sqlite3_int64
        ) -> Void
    public typealias Authorize =
        @convention(c) (
            UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?,
            UnsafePointer<CChar>?
        ) -> Int32

    /// Nil where this SQLite keeps it in another way.
    public static let preupdate = HookPlace { database, argument in
        let hook: Preupdate = { _, _, _, _, _, _, _ in }
        sqlite3_preupdate_hook(database, argument == nil ? nil : hook, argument)
        return unsafeBitCast(hook, to: UnsafeRawPointer.self)
    }

    public static let update = HookPlace { database, argument in
        let hook: Update = { _, _, _, _, _ in }
        sqlite3_update_hook(database, argument == nil ? nil : hook, argument)
        return unsafeBitCast(hook, to: UnsafeRawPointer.self)
    }

    public static let authorizer = HookPlace { database, argument in
        let hook: Authorize = { _, _, _, _, _, _ in SQLITE_OK }
        sqlite3_set_authorizer(database, argument == nil ? nil : hook, argument)
        return unsafeBitCast(hook, to: UnsafeRawPointer.self)
    }

    /// - Parameter set: sets a hook with this argument, or none for nil, and returns its function.
    private init?(_ set: (_ database: OpaquePointer, _ argument: UnsafeMutableRawPointer?) -> UnsafeRawPointer) {
        guard let connection = try? Connection(path: ":memory:") else { return nil }
        let database = connection.handle
        let size = Int(sqlite3_msize(UnsafeMutableRawPointer(database)))
        let word = MemoryLayout<UnsafeRawPointer?>.size
        let mark = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16)
        defer { mark.deallocate() }
        guard size > 4 * word else { return nil }
        func value(_ offset: Int) -> UnsafeRawPointer? {
            guard offset >= 0, offset + word <= size else { return nil }
            return UnsafeRawPointer(database).load(fromByteOffset: offset, as: UnsafeRawPointer?.self)
        }
        let known = set(database, mark)
        let places = stride(from: 0, through: size - word, by: word).filter { value($0) == UnsafeRawPointer(mark) }
        let functions = places.flatMap { [$0 - word, $0 + word] }.filter { value($0) == known }
        _ = set(database, nil)
        guard places.count == 1, functions.count == 1, value(places[0]) == nil, value(functions[0]) == nil else {
            return nil
        }
        function = functions[0]
        argument = places[0]
    }
}

/// Our preupdate hook on a connection, in the place of one that a host may have set.
final class PreupdateHook {
    private let function: HookPlace.Preupdate
    private let database: OpaquePointer
    private let isHosted: Bool
    /// What SQLite hands to the hook. A session that is begun after ours takes it for one of its own kind, so it is zero
    /// throughout where sessions look, and stands for one that is switched off.
    private let context: UnsafeMutableRawPointer
    private static let contextSize = 4_096
    private static let ownerOffset = 2_048
    /// The hook that a host had set before. It goes on seeing the host's rows.
    private(set) var hostHook: HookPlace.Hook?
    /// A hook of the host is gone, and this SQLite does not say which.
    private var hasLostHook = false
    private var isDetached = false

    init(_ function: @escaping HookPlace.Preupdate, on database: OpaquePointer, isHosted: Bool) {
        self.function = function
        self.database = database
        self.isHosted = isHosted
        context = .allocate(byteCount: PreupdateHook.contextSize, alignment: 16)
        context.initializeMemory(as: UInt8.self, repeating: 0, count: PreupdateHook.contextSize)
    }

    /// Says what `owner` finds in the context of a call.
    func setOwner(_ owner: UnsafeMutableRawPointer) {
        context.storeBytes(of: owner, toByteOffset: PreupdateHook.ownerOffset, as: UnsafeMutableRawPointer.self)
    }

    @inline(__always)
    static func owner(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        context.load(fromByteOffset: ownerOffset, as: UnsafeMutableRawPointer.self)
    }

    func attach() {
        let before = isHosted ? HookPlace.preupdate?.read(database) : nil
        if isHosted, let before, before.function != nil { hostHook = before }
        let argument = sqlite3_preupdate_hook(database, function, context)
        hasLostHook = isHosted && before == nil && argument != nil
    }

    private var own: HookPlace.Hook {
        HookPlace.Hook(function: unsafeBitCast(function, to: UnsafeRawPointer.self), argument: context)
    }

    /// Whatever the host has set since stays.
    func detach() {
        if isHosted, let place = HookPlace.preupdate, place.read(database) != own { return }
        if let hostHook, let function = hostHook.function {
            sqlite3_preupdate_hook(
                database, unsafeBitCast(function, to: HookPlace.Preupdate.self), hostHook.argument)
        } else {
            sqlite3_preupdate_hook(database, nil, nil)
        }
        hostHook = nil
        isDetached = true
    }

    deinit {
        // A session that was begun after ours holds on to it.
        if isDetached { context.deallocate() }
    }

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when `attach` took the place of a hook that cannot be called any more.
    func requireNoneLost() throws(BatchError) {
        guard hasLostHook else { return }
        throw BatchError(
            .notUndoable,
            "a preupdate hook or a session is set on this connection, and this SQLite does not say which",
            hint: "end it before batch_begin, and begin it again after the batch")
    }

    /// - Throws: `ERR_DATA_NOT_UNDOABLE` when a hook or a session of the host has taken the place of this.
    func requireUndisturbed() throws(BatchError) {
        guard isHosted else { return }
        let isOwn: Bool
        if let place = HookPlace.preupdate {
            isOwn = place.read(database) == own
        } else {
            // This takes the place back, but there is no other way to ask.
            isOwn = sqlite3_preupdate_hook(database, function, context) == context
        }
        if isOwn { return }
        throw BatchError(
            .notUndoable,
            "a preupdate hook or a session was begun or ended on this connection inside the batch: rows may be unrecorded",
            hint: "begin and end it outside the batch, where it keeps seeing rows; then run the batch again")
    }
}

/// How the SQLite at hand numbers the columns of an updated row.
///
/// SQLite 3.40 counts the new values of an UPDATE in the order in which rows are stored, where virtual generated
/// columns stand after all others; the documentation promises the order of the table. So one update is tried out.
enum PreupdateNumbering {
    static let updatesByStorage: Bool = probe()

    private static func probe() -> Bool {
        var seen: Int64 = 0
        guard let connection = try? Connection(path: ":memory:") else { return false }
        let table =
            "CREATE TABLE p(v AS (k) VIRTUAL, k INTEGER PRIMARY KEY, w) WITHOUT ROWID; INSERT INTO p VALUES(5, 1)"
        guard (try? connection.execute(table)) != nil else { return false }
        withUnsafeMutablePointer(to: &seen) { seen in
            sqlite3_preupdate_hook(
                connection.handle,
                { context, database, _, _, _, _, _ in
                    var value: OpaquePointer?
                    guard sqlite3_preupdate_new(database, 1, &value) == SQLITE_OK, let value else { return }
                    context?.assumingMemoryBound(to: Int64.self).pointee = sqlite3_value_int64(value)
                }, seen)
            try? connection.execute("UPDATE p SET w = 2")
            sqlite3_preupdate_hook(connection.handle, nil, nil)
        }
        return seen != 5
    }
}

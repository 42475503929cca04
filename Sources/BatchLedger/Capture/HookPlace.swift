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

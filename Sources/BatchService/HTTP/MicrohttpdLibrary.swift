internal import BatchCore
internal import CMicrohttpd
internal import Glibc

/// libmicrohttpd, loaded when a server starts: no other start of the tool pays for it.
struct MicrohttpdLibrary: @unchecked Sendable {
    typealias Daemon = OpaquePointer
    typealias Connection = OpaquePointer
    typealias Response = OpaquePointer

    let start: UnsafeMutableRawPointer
    let daemonInformation: UnsafeMutableRawPointer
    let information: UnsafeMutableRawPointer
    let setOption: UnsafeMutableRawPointer
    let stop: @convention(c) (Daemon?) -> Void
    let quiesce: @convention(c) (Daemon?) -> Int32
    let queue: @convention(c) (Connection?, UInt32, Response?) -> MHD_Result
    let fromBytes: @convention(c) (Int, UnsafeMutableRawPointer?, MHD_ResponseMemoryMode) -> Response?
    let fromCallback:
        @convention(c) (
            UInt64, Int, MHD_ContentReaderCallback?, UnsafeMutableRawPointer?, MHD_ContentReaderFreeCallback?
        ) -> Response?
    let destroy: @convention(c) (Response?) -> Void
    let addHeader: @convention(c) (Response?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> MHD_Result
    let forEachValue:
        @convention(c) (Connection?, MHD_ValueKind, MHD_KeyValueIterator?, UnsafeMutableRawPointer?) -> Int32

    /// - Throws: `ERR_INTEGRATION_LIBRARY_MISSING`
    static func load() throws(BatchError) -> MicrohttpdLibrary {
        guard let library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL) else {
            throw missing("libmicrohttpd.so.12")
        }
        func symbol(_ name: String) throws(BatchError) -> UnsafeMutableRawPointer {
            guard let address = dlsym(library, name) else { throw missing("'\(name)' in libmicrohttpd.so.12") }
            return address
        }
        func function<Function>(_ name: String, _: Function.Type) throws(BatchError) -> Function {
            unsafeBitCast(try symbol(name), to: Function.self)
        }
        return MicrohttpdLibrary(
            start: try symbol("MHD_start_daemon"), daemonInformation: try symbol("MHD_get_daemon_info"),
            information: try symbol("MHD_get_connection_info"), setOption: try symbol("MHD_set_connection_option"),
            stop: try function("MHD_stop_daemon", (@convention(c) (Daemon?) -> Void).self),
            quiesce: try function("MHD_quiesce_daemon", (@convention(c) (Daemon?) -> Int32).self),
            queue: try function(
                "MHD_queue_response", (@convention(c) (Connection?, UInt32, Response?) -> MHD_Result).self),
            fromBytes: try function(
                "MHD_create_response_from_buffer",
                (@convention(c) (Int, UnsafeMutableRawPointer?, MHD_ResponseMemoryMode) -> Response?).self),
            fromCallback: try function(
                "MHD_create_response_from_callback",
                (@convention(c) (
                    UInt64, Int, MHD_ContentReaderCallback?, UnsafeMutableRawPointer?, MHD_ContentReaderFreeCallback?
                ) -> Response?).self),
            destroy: try function("MHD_destroy_response", (@convention(c) (Response?) -> Void).self),
            addHeader: try function(
                "MHD_add_response_header",
                (@convention(c) (Response?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> MHD_Result).self),
            forEachValue: try function(
                "MHD_get_connection_values",
                (@convention(c) (Connection?, MHD_ValueKind, MHD_KeyValueIterator?, UnsafeMutableRawPointer?) ->
                    Int32).self))
    }

    private static func missing(_ what: String) -> BatchError {
        BatchError(
            .libraryMissing, "\(what) is not installed on this machine", hint: "type: apt-get install libmicrohttpd12")
    }

    // MARK: Calls

    func setTimeout(_ connection: Connection, seconds: UInt32) {
        cmicrohttpd_set_timeout(setOption, connection, seconds)
    }

    func descriptor(_ connection: Connection?) -> Int32 { cmicrohttpd_descriptor(information, connection) }

    func peer(_ connection: Connection) -> IPAddress? {
        cmicrohttpd_peer(information, connection).flatMap { IPAddress($0) }
    }

    /// Everything of a kind, in the order sent; nil when something of it is no text.
    func values(_ connection: Connection, _ kind: MHD_ValueKind) -> [(name: String, value: String)]? {
        final class Found {
            var values: [(name: String, value: String)]? = []
        }
        let found = Found()
        _ = forEachValue(
            connection, kind,
            { context, _, name, value in
                guard let context, let name else { return MHD_NO }
                let found = Unmanaged<Found>.fromOpaque(context).takeUnretainedValue()
                guard let name = String(validatingCString: name),
                    let value = value.map({ String(validatingCString: $0) }) ?? ""
                else {
                    found.values = nil
                    return MHD_NO
                }
                found.values?.append((name, value))
                return MHD_YES
            }, Unmanaged.passUnretained(found).toOpaque())
        return found.values
    }

    /// Nil when there is no memory for it.
    func makeResponse(_ response: HTTPResponse) -> Response? {
        let made: Response?
        switch response.body {
        case .bytes(var bytes):
            made = bytes.withUnsafeMutableBytes { fromBytes($0.count, $0.baseAddress, MHD_RESPMEM_MUST_COPY) }
        case .stream(let next):
            let stream = Unmanaged.passRetained(ByteStream(next)).toOpaque()
            made = fromCallback(
                UInt64.max, 16_384,
                { context, _, buffer, size in
                    guard let context, let buffer else { return -1 }
                    return Unmanaged<ByteStream>.fromOpaque(context).takeUnretainedValue().fill(buffer, size)
                }, stream,
                { context in
                    if let context { Unmanaged<ByteStream>.fromOpaque(context).release() }
                })
        }
        for (name, value) in response.headers { _ = addHeader(made, name, value) }
        return made
    }
}

/// Bytes that are made while they are sent. The library calls it from the one thread of its connection.
private final class ByteStream {
    private let next: @Sendable () -> [UInt8]?
    private var waiting: ArraySlice<UInt8> = []

    init(_ next: @escaping @Sendable () -> [UInt8]?) { self.next = next }

    /// - Returns: how many bytes there are now; -1 at the end.
    func fill(_ buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Int {
        if waiting.isEmpty {
            guard let more = next(), !more.isEmpty else { return -1 }
            waiting = more[...]
        }
        let part = waiting.prefix(size)
        UnsafeMutableRawBufferPointer(start: buffer, count: size).copyBytes(from: part)
        waiting = waiting.dropFirst(part.count)
        return part.count
    }
}

extension IPAddress {
    /// Nil when the text is no address: names are not looked up.
    public init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(bytes: withUnsafeBytes(of: &four) { Array($0) }, text: text)
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self.init(bytes: withUnsafeBytes(of: &six) { Array($0) }, text: text)
        } else {
            return nil
        }
    }

    fileprivate init?(_ address: UnsafePointer<sockaddr>) {
        let family = Int32(address.pointee.sa_family)
        let raw = UnsafeRawPointer(address)
        let bytes: [UInt8]
        switch family {
        case AF_INET:
            let four = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            bytes = withUnsafeBytes(of: four) { Array($0) }
        case AF_INET6:
            let six = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            bytes = withUnsafeBytes(of: six) { Array($0) }
        default: return nil
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
        self.init(bytes: bytes, text: text.withUnsafeBufferPointer { $0.baseAddress.map(String.init(cString:)) ?? "" })
    }

    /// Hands over the address of a socket that listens here.
    func withSocketAddress<Result>(port: UInt16, _ body: (UnsafeMutableRawPointer) -> Result) -> Result {
        if bytes.count == 4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
            return withUnsafeMutablePointer(to: &address) { body(UnsafeMutableRawPointer($0)) }
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
        return withUnsafeMutablePointer(to: &address) { body(UnsafeMutableRawPointer($0)) }
    }
}

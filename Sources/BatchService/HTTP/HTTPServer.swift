public import BatchCore
internal import BatchSystem
internal import CMicrohttpd
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Listens, and hands every request to one function, each on the thread of its connection. libmicrohttpd reads and writes
/// HTTP; here is what it is told to bear of a client.
public final class HTTPServer: Sendable {
    public struct Limits: Sendable {
        public var connections = 200
        public var connectionsOfOneAddress = 200
        /// Bytes.
        public var body = 1 << 20
        /// Seconds without a byte.
        public var silence: UInt32 = 15
        /// Milliseconds for one request to arrive whole, and for its answer to be taken.
        public var deadline: Int64 = 30_000

        public init() {}
    }

    public struct Certificate: Sendable {
        public let key: String
        /// With those that vouch for it.
        public let chain: String

        public init(key: String, chain: String) {
            self.key = key
            self.chain = chain
        }
    }

    private let core: ServerCore
    /// Freed by `stop`.
    private let daemon: Mutex<UInt>
    public let port: Int

    /// - Parameters:
    ///   - port: 0 for one that is free.
    ///   - refusal: makes the answer to what is no request, from its path.
    /// - Throws: `ERR_INTEGRATION_LIBRARY_MISSING`, `ERR_INTEGRATION_LISTEN`.
    public init(
        _ address: IPAddress, port: Int, limits: Limits = Limits(), certificate: Certificate? = nil,
        refusal: @escaping @Sendable (String, HTTPFault) -> HTTPResponse,
        handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse
    ) throws(BatchError) {
        let library = try MicrohttpdLibrary.load()
        core = ServerCore(library, limits, refusal, handler)
        errno = 0
        let started = address.withSocketAddress(port: UInt16(clamping: port)) { [core] socket in
            ServerCore.start(core, socket, isSix: address.bytes.count == 16, certificate)
        }
        guard let started else {
            let (system, isBusy) = (errno, errno == EADDRINUSE)
            throw BatchError(
                .listen, "the service cannot listen on \(address) port \(port): \(String(cString: strerror(system)))",
                hint: isBusy
                    ? "stop what listens there, or choose another port: \(command: "serve --port 18084")"
                    : "see http: in batchmgr.yaml, docs/http.md", cause: .system(errno: system))
        }
        daemon = Mutex(UInt(bitPattern: started))
        self.port = Int(cmicrohttpd_port(library.daemonInformation, started))
    }

    /// Takes no more connections, lets what is under way end, and returns when all is closed.
    /// - Parameter patience: milliseconds; after them what is still sent is cut off. Work is waited for in any case: it
    ///   hears that the server ends, and stops at its next checkpoint.
    public func stop(patience: Int64 = 10_000) {
        let daemon = daemon.withLock { known in
            defer { known = 0 }
            return OpaquePointer(bitPattern: known)
        }
        guard let daemon else { return }
        core.end()
        let listening = core.library.quiesce(daemon)
        let end = SteadyClock.now() + patience
        while core.isBusy, SteadyClock.now() < end { WallClock.sleep(milliseconds: 10) }
        core.library.stop(daemon)
        if listening >= 0 { close(listening) }
    }

    deinit { stop(patience: 0) }
}

/// What the callbacks of the library share. It outlives the daemon, which alone calls them.
private final class ServerCore: Sendable {
    /// What is known of a connection beside what the library knows.
    private struct Client {
        let descriptor: Int32
        /// By the steady clock; nil while it waits for us.
        var deadline: Int64?
    }

    private struct State {
        var clients: [UInt: Client] = [:]
        var busy = 0
        var isEnding = false
    }

    let library: MicrohttpdLibrary
    let limits: HTTPServer.Limits
    let refusal: @Sendable (String, HTTPFault) -> HTTPResponse
    let handler: @Sendable (HTTPRequest) -> HTTPResponse
    private let state = Mutex(State())
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    init(
        _ library: MicrohttpdLibrary, _ limits: HTTPServer.Limits,
        _ refusal: @escaping @Sendable (String, HTTPFault) -> HTTPResponse,
        _ handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse
    ) {
        self.library = library
        self.limits = limits
        self.refusal = refusal
        self.handler = handler
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "batchmgr.http"))
        watch()
    }

    // A server that could not listen is never stopped.
    deinit { timer.cancel() }

    var isBusy: Bool { state.withLock { $0.busy > 0 } }
    var isEnding: Bool { state.withLock { $0.isEnding } }

    // MARK: Daemon

    static func start(
        _ core: ServerCore, _ address: UnsafeMutableRawPointer, isSix: Bool, _ certificate: HTTPServer.Certificate?
    ) -> OpaquePointer? {
        var flags =
            MHD_USE_AUTO.rawValue | MHD_USE_INTERNAL_POLLING_THREAD.rawValue | MHD_USE_THREAD_PER_CONNECTION.rawValue
            | MHD_USE_ITC.rawValue
        if isSix { flags |= MHD_USE_IPv6.rawValue }
        if certificate != nil { flags |= MHD_USE_TLS.rawValue }
        let context = Unmanaged.passUnretained(core).toOpaque()
        func option(_ option: MHD_OPTION, _ value: Int, _ pointer: UnsafeMutableRawPointer? = nil) -> MHD_OptionItem {
            MHD_OptionItem(option: option, value: value, ptr_value: pointer)
        }
        var options = [
            option(MHD_OPTION_SOCK_ADDR, 0, address),
            option(MHD_OPTION_NOTIFY_CONNECTION, cmicrohttpd_value(ServerCore.connected), context),
            option(MHD_OPTION_NOTIFY_COMPLETED, cmicrohttpd_completed(ServerCore.completed), context),
            option(MHD_OPTION_CONNECTION_LIMIT, core.limits.connections),
            option(MHD_OPTION_PER_IP_CONNECTION_LIMIT, core.limits.connectionsOfOneAddress),
            option(MHD_OPTION_CONNECTION_TIMEOUT, Int(core.limits.silence)),
            option(MHD_OPTION_CONNECTION_MEMORY_LIMIT, 32 << 10), option(MHD_OPTION_STRICT_FOR_CLIENT, 1),
            // The path is decoded after it was split; values of the query by us too, so that nothing is decoded twice.
            option(MHD_OPTION_UNESCAPE_CALLBACK, cmicrohttpd_unescaper(ServerCore.keep)),
        ]
        // The library does not copy them: they are for as long as the process lives.
        if let certificate {
            options.append(option(MHD_OPTION_HTTPS_MEM_KEY, 0, strdup(certificate.key)))
            options.append(option(MHD_OPTION_HTTPS_MEM_CERT, 0, strdup(certificate.chain)))
        }
        options.append(option(MHD_OPTION_END, 0))
        return options.withUnsafeMutableBufferPointer { options in
            cmicrohttpd_start(core.library.start, flags, ServerCore.access, context, options.baseAddress)
        }
    }

    /// Who sends a byte now and then is active for the library, and would hold a connection for ever. A timer must run
    /// before it is let go of.
    private func watch() {
        timer.schedule(deadline: .now() + .milliseconds(500), repeating: .milliseconds(500))
        timer.setEventHandler { [weak self] in self?.cutOffLate() }
        timer.resume()
    }

    private func cutOffLate() {
        let now = SteadyClock.now()
        state.withLock { state in
            // A socket is forgotten before it is closed, so that its number is no other's here.
            for (key, client) in state.clients where client.deadline ?? .max < now {
                shutdown(client.descriptor, Int32(SHUT_RDWR))
                state.clients[key]?.deadline = nil
            }
        }
    }

    func end() {
        timer.cancel()
        state.withLock { $0.isEnding = true }
    }

    // MARK: Callbacks

    private static let keep:
        @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<CChar>?) -> Int =
            { _, _, text in text.map { strlen($0) } ?? 0 }

    private static func of(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
        context.map { Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let connected: MHD_NotifyConnectionCallback = { context, connection, _, code in
        guard let core = of(context) else { return }
        let key = UInt(bitPattern: connection)
        if code == MHD_CONNECTION_NOTIFY_STARTED {
            let descriptor = core.library.descriptor(connection)
            core.state.withLock {
                $0.clients[key] = Client(
                    descriptor: descriptor, deadline: SteadyClock.now() + core.limits.deadline)
            }
        } else {
            core.state.withLock { _ = $0.clients.removeValue(forKey: key) }
        }
    }

    private static let completed: MHD_RequestCompletedCallback = { context, connection, known, _ in
        if let exchange = known?.pointee { Unmanaged<Exchange>.fromOpaque(exchange).release() }
        known?.pointee = nil
        if let core = of(context) { core.setDeadline(connection) }
    }

    private static let access: MHD_AccessHandlerCallback = { context, connection, url, method, _, data, size, known in
        guard let core = of(context), let connection, let url, let method, let size, let known else { return MHD_NO }
        guard let exchange = known.pointee.map({ Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }) else {
            known.pointee = Unmanaged.passRetained(Exchange()).toOpaque()
            return core.begin(connection, url)
        }
        if size.pointee > 0 {
            let isBorne = exchange.take(data, size.pointee, limit: core.limits.body)
            size.pointee = 0
            return isBorne ? MHD_YES : MHD_NO
        }
        return core.answer(connection, exchange, url, method)
    }

    private func setDeadline(_ connection: OpaquePointer?, isWorking: Bool = false) {
        let deadline = isWorking ? nil : SteadyClock.now() + limits.deadline
        state.withLock { $0.clients[UInt(bitPattern: connection)]?.deadline = deadline }
    }

    /// The head has arrived. A body that says itself that it is too large is not read.
    private func begin(_ connection: OpaquePointer, _ url: UnsafePointer<CChar>) -> MHD_Result {
        let headers = library.values(connection, MHD_HEADER_KIND) ?? []
        func count(_ name: String) -> Int { headers.count { $0.name.lowercased() == name } }
        // A proxy before us may have read another end of the request, or another host, than we would.
        let lengths = count("content-length")
        guard lengths < 2, count("host") < 2, lengths + count("transfer-encoding") < 2 else {
            let fault = HTTPFault.bad("the request gives its length or its host twice")
            return send(refusal(String(cString: url), fault), on: connection)
        }
        let length = headers.first { $0.name.lowercased() == "content-length" }?.value
        guard let length, (Int64(length) ?? .max) > limits.body else { return MHD_YES }
        return send(refusal(String(cString: url), tooLarge), on: connection)
    }

    private func answer(
        _ connection: OpaquePointer, _ exchange: Exchange, _ url: UnsafePointer<CChar>, _ method: UnsafePointer<CChar>
    ) -> MHD_Result {
        guard !exchange.isTooLarge else { return send(refusal(String(cString: url), tooLarge), on: connection) }
        guard let peer = library.peer(connection), let request = request(connection, exchange, url, method, peer) else {
            let fault = HTTPFault.bad("the request is not UTF-8 text, or is not encoded as an address must be")
            return send(refusal(String(cString: url), fault), on: connection)
        }
        state.withLock { $0.busy += 1 }
        defer { state.withLock { $0.busy -= 1 } }
        // Our own time is no silence of the client.
        setDeadline(connection, isWorking: true)
        library.setTimeout(connection, seconds: 0)
        let response = handler(request)
        // Something is sent over a stream every so often; the pause before it is ours too.
        var silence = limits.silence
        if case .bytes = response.body { setDeadline(connection) } else { silence += EventStream.pulseSeconds }
        library.setTimeout(connection, seconds: silence)
        return send(response, on: connection)
    }

    private func request(
        _ connection: OpaquePointer, _ exchange: Exchange, _ url: UnsafePointer<CChar>, _ method: UnsafePointer<CChar>,
        _ peer: IPAddress
    ) -> HTTPRequest? {
        guard let path = String(validatingCString: url), let method = String(validatingCString: method),
            let headers = library.values(connection, MHD_HEADER_KIND),
            let query = library.values(connection, MHD_GET_ARGUMENT_KIND)
        else { return nil }
        var decoded: [(name: String, value: String)] = []
        for (name, value) in query {
            guard let name = PercentEncoding.decode(name), let value = PercentEncoding.decode(value) else { return nil }
            decoded.append((name, value))
        }
        return HTTPRequest(
            method: method, path: path, query: decoded, headers: headers.map { ($0.name.lowercased(), $0.value) },
            body: exchange.body, peer: peer, isEnding: { [weak self] in self?.isEnding ?? true })
    }

    private var tooLarge: HTTPFault {
        HTTPFault(
            413,
            BatchError(
                .usage, "the body of a request is at most \(limits.body) bytes",
                hint: "put large data into a database or a file, and name that"))
    }

    private func send(_ response: HTTPResponse, on connection: OpaquePointer) -> MHD_Result {
        let made = library.makeResponse(response)
        defer { library.destroy(made) }
        return library.queue(connection, UInt32(clamping: response.status), made)
    }
}

/// One request while it arrives. The library calls from the one thread of its connection.
private final class Exchange {
    private(set) var body: [UInt8] = []
    private(set) var isTooLarge = false
    private var received = 0

    /// False when nobody should listen to it any longer.
    func take(_ data: UnsafePointer<CChar>?, _ size: Int, limit: Int) -> Bool {
        received += size
        if received > limit {
            isTooLarge = true
            body = []
            // A little more is borne, so that the client hears why.
            return received <= limit * 4
        }
        body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: size))
        return true
    }
}

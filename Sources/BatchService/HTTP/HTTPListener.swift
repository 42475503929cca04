public import BatchCatalog
public import BatchCore
public import BatchEngine
internal import BatchSystem
internal import Synchronization

/// The server of a workspace: its API, where the settings say.
public final class HTTPListener: Sendable {
    private let server: HTTPServer
    private let api: API
    public let address: String
    /// The one that it got, where the settings ask for any.
    public var port: Int { server.port }

    /// - Parameter port: nil for the one of the settings.
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION`, `ERR_INTEGRATION_LISTEN`, `ERR_INTEGRATION_LIBRARY_MISSING`.
    public init(
        _ workspace: Workspace, port: Int? = nil, version: String, makeContext: @escaping @Sendable () -> Context
    ) throws(BatchError) {
        let settings = workspace.http
        guard let address = IPAddress(settings.bind == "localhost" ? "127.0.0.1" : settings.bind) else {
            throw HTTPListener.invalid(
                "bind", "'\(settings.bind)' is not an address", hint: "write it in digits: 127.0.0.1, 0.0.0.0 or ::1")
        }
        let certificate = try HTTPListener.certificate(settings)
        guard address.isLoopback || certificate != nil || settings.isPlain else {
            throw HTTPListener.invalid(
                "bind", "\(address) can be reached from other machines, and others on the way could read the traffic",
                hint: "give a certificate and its key, or allow it: plain: true; docs/http.md")
        }
        let api = try API(workspace, version: version, makeContext: makeContext)
        self.api = api
        var limits = HTTPServer.Limits()
        limits.body = settings.body
        limits.connections = settings.connections
        limits.connectionsOfOneAddress = settings.connections
        server = try HTTPServer(
            address, port: port ?? settings.port, limits: limits, certificate: certificate, refusal: API.refusal(of:_:),
            handler: { request in api.answer(request) })
        let host = address.bytes.count == 4 ? "\(address)" : "[\(address)]"
        self.address = "\(certificate == nil ? "http" : "https")://\(host):\(server.port)"
    }

    /// Whether an answer since the last call told of a damaged database.
    func takeDamage() -> Bool { api.damage.exchange(false, ordering: .relaxed) }

    func settle() { api.settle() }

    func setObstacle(_ code: ErrorCode?) { api.obstacle.withLock { $0 = code } }

    public func stop() {
        server.stop()
        api.end()
    }

    private static func certificate(_ settings: HTTPSettings) throws(BatchError) -> HTTPServer.Certificate? {
        guard (settings.certificate == nil) == (settings.key == nil) else {
            throw invalid("certificate", "a certificate goes with its key", hint: "name both files, or none")
        }
        guard let chain = settings.certificate, let key = settings.key else { return nil }
        return HTTPServer.Certificate(key: try read(key), chain: try read(chain))
    }

    private static func read(_ path: String) throws(BatchError) -> String {
        String(decoding: try File(reading: path).contents(atMost: 1 << 20), as: UTF8.self)
    }

    private static func invalid(_ key: String, _ what: String, hint: Hint) -> BatchError {
        BatchError(.invalidConfiguration, "http.\(key): \(what)", hint: hint)
    }
}

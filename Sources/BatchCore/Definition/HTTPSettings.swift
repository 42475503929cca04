/// `http:` of `batchmgr.yaml`
public struct HTTPSettings: Hashable, Sendable {
    public var bind = "127.0.0.1"
    public var port = 18_083
    /// Reading what is no secret takes no token on this machine.
    public var isPublic = true
    /// Nothing takes a token on this machine.
    public var trustsLoopback = false
    /// Addresses and networks whose `X-Forwarded-For` is believed.
    public var proxies: [String] = []
    /// Other addresses than loopback without TLS.
    public var isPlain = false
    /// PEM files.
    public var certificate: String?
    public var key: String?
    /// Requests a minute.
    public var rate = 600
    /// Bytes.
    public var body = 1 << 20
    public var connections = 200

    public init() {}
}

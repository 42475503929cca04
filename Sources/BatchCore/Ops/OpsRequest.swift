/// A request with all that is signed: what, where, who, once, and until when.
public struct OpsRequest: Hashable, Sendable {
    public static let format = "batchmgr request 1"
    /// A larger file is no request.
    public static let largestSize = 64 << 10
    /// Milliseconds between signing and expiry, at most: a week.
    public static let longestLife: Int64 = 7 * 86_400_000
    /// How far the clock of the signer may be ahead of this one, in milliseconds.
    public static let clockSkew: Int64 = 300_000

    public let action: OpsAction
    /// Workspace and database that it was made for: `ID/NAME`.
    public let target: String
    /// Used once.
    public let nonce: String
    public let issued: Timestamp
    public let expires: Timestamp
    public let signer: String
    /// The public key, 32 bytes.
    public let key: [UInt8]
    /// The members as they are signed.
    public let json: JSONValue

    /// The members around the action, in their order.
    private static let envelope = ["format", "target", "nonce", "issued", "expires", "signer", "key"]

    /// - Parameter action: the members that say what to do.
    /// - Throws: `ERR_UX_INVALID_REQUEST` and what else is wrong with the action.
    public init(
        _ action: [JSONValue.Member], target: String, nonce: String, issued: Timestamp, expires: Timestamp,
        signer: String, key: [UInt8]
    ) throws(BatchError) {
        let envelope: [JSONValue.Member] = [
            .init("format", .string(OpsRequest.format)), .init("target", .string(target)),
            .init("nonce", .string(nonce)), .init("issued", .string(issued.iso8601)),
            .init("expires", .string(expires.iso8601)), .init("signer", .string(signer)),
            .init("key", .string(Hex.string(key))),
        ]
        try self.init(json: .object(envelope + action))
    }

    /// - Throws: `ERR_UX_INVALID_REQUEST` and what else is wrong with the action.
    public init(json: JSONValue) throws(BatchError) {
        let members = json.members ?? []
        let envelope = members.prefix(OpsRequest.envelope.count)
        guard envelope.map(\.key) == OpsRequest.envelope, json["format"]?.string == OpsRequest.format,
            let target = json["target"]?.string, let nonce = json["nonce"]?.string, nonce.utf8.count == 32,
            Hex.bytes(nonce) != nil, let issued = json["issued"]?.string.flatMap(Timestamp.init(iso8601:)),
            let expires = json["expires"]?.string.flatMap(Timestamp.init(iso8601:)),
            let signer = json["signer"]?.string, let key = json["key"]?.string.flatMap({ Hex.bytes($0) }),
            key.count == 32
        else { throw BatchError.invalidRequest("the file is not a signed request") }
        self.target = target
        self.nonce = nonce
        self.issued = issued
        self.expires = expires
        self.signer = signer
        self.key = key
        self.json = json
        action = try OpsActionReader.read(Array(members.dropFirst(envelope.count)))
    }

    /// What the audit says of it.
    public var words: [JSONValue.Member] {
        [
            .init("request", .string(action.name)), .init("subject", .string(action.subject)),
            .init("nonce", .string(nonce)), .init("signer", .string(signer)), .init("key", .string(Hex.string(key))),
        ]
    }

    /// What is signed: the members in their order, written without spaces.
    public var signedBytes: [UInt8] { Array(JSONWriter.text(json).utf8) }

    /// - Throws: `ERR_SECURITY_REQUEST_EXPIRED` when it is not for this time.
    public func requireTime(_ now: Timestamp) throws(BatchError) {
        let hint: Hint = "sign a new one: \(command: "ops sign --request FILE --key KEY --to FILE")"
        guard now < expires else {
            throw BatchError(.requestExpired, "request \(nonce) expired at \(expires.iso8601)", hint: hint)
        }
        guard issued.milliseconds - now.milliseconds <= OpsRequest.clockSkew else {
            throw BatchError(
                .requestExpired, "request \(nonce) is of the future: it was signed at \(issued.iso8601)",
                hint: "set the clocks right; \(hint)")
        }
        guard expires.milliseconds - issued.milliseconds <= OpsRequest.longestLife else {
            throw BatchError(.requestExpired, "request \(nonce) would be good for more than a week", hint: hint)
        }
    }
}

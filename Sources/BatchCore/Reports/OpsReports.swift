/// `ops keygen`
public struct OpsKeyReport: Report, Hashable {
    public let name: String
    public let file: String
    public let publicFile: String
    public let key: String

    public init(name: String, file: String, publicFile: String, key: String) {
        self.name = name
        self.file = file
        self.publicFile = publicFile
        self.key = key
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("name", .string(name)), .init("file", .string(file)), .init("public_file", .string(publicFile)),
            .init("key", .string(key)),
        ]
    }
}

/// `ops trust` and `ops revoke`
public struct OpsTrustReport: Report, Hashable {
    public let key: TrustedKey

    public init(key: TrustedKey) { self.key = key }

    public func members(_ call: CallOptions) -> [JSONValue.Member] { [.init("key", key.json)] }
}

/// `ops sign`
public struct OpsSignReport: Report, Hashable {
    public let request: OpsRequest
    public let file: String

    public init(request: OpsRequest, file: String) {
        self.request = request
        self.file = file
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("file", .string(file)), .init("request", request.json)]
    }
}

/// `ops list`
public struct OpsListReport: Report, Hashable {
    /// One for each database of the workspace.
    public let targets: [String]
    public let keys: [TrustedKey]
    /// The latest first.
    public let requests: [UsedRequest]

    public init(targets: [String], keys: [TrustedKey], requests: [UsedRequest]) {
        self.targets = targets
        self.keys = keys
        self.requests = requests
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("targets", .array(targets.map(JSONValue.string))), .init("keys", .array(keys.map(\.json))),
            .init("requests", .array(requests.map(\.json))),
        ]
    }
}

/// `ops submit`: the request, and the answer of what it asked for.
public struct OpsReport: Report {
    public let request: OpsRequest
    public let signer: TrustedKey
    public let answer: any Report

    public init(request: OpsRequest, signer: TrustedKey, answer: any Report) {
        self.request = request
        self.signer = signer
        self.answer = answer
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("nonce", .string(request.nonce)), .init("signer", .string(signer.name)),
            .init("action", .string(request.action.name)), .init("answer", answer.json),
        ]
    }
}

public import BatchCore

/// One request, as the library has read it.
public struct HTTPRequest: Sendable {
    public let method: String
    /// As it was sent, without the query: not decoded.
    public let path: String
    /// Decoded, in the order sent. A value that is missing is empty.
    public let query: [(name: String, value: String)]
    /// Names in small letters, in the order sent.
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]
    /// The address that the connection came from.
    public let peer: IPAddress
    /// True while the server is ending: work stops at its next checkpoint.
    public let isEnding: @Sendable () -> Bool

    public init(
        method: String, path: String, query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [], body: [UInt8] = [], peer: IPAddress,
        isEnding: @escaping @Sendable () -> Bool = { false }
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.isEnding = isEnding
    }

    /// The value of a header that may be sent once; nil when it is missing, or sent twice.
    public func header(_ name: String) -> String? {
        let values = headers.filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    public func hasHeader(_ name: String) -> Bool { headers.contains { $0.name == name } }
}

public struct HTTPResponse: Sendable {
    public enum Body: Sendable {
        case bytes([UInt8])
        /// Asked for the next bytes again and again, on a thread of its own; nil ends it. It may wait.
        case stream(@Sendable () -> [UInt8]?)
    }

    public let status: Int
    public var headers: [(name: String, value: String)]
    public let body: Body

    public init(status: Int, type: String, body: Body, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.body = body
        // Nothing that is answered here is for a cache, or to be taken for something else.
        self.headers =
            [
                ("Content-Type", type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
            ] + headers
    }

    public static func text(_ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8") -> Self {
        HTTPResponse(status: status, type: type, body: .bytes(Array(text.utf8)))
    }

    public static func json(
        _ value: JSONValue, status: Int = 200, headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        HTTPResponse(
            status: status, type: "application/json", body: .bytes(Array((JSONWriter.text(value) + "\n").utf8)),
            headers: headers)
    }
}

/// What is wrong with a request, with the status that says so.
public struct HTTPFault: Error {
    public let status: Int
    public let error: BatchError
    public var headers: [(name: String, value: String)] = []

    public init(_ status: Int, _ error: BatchError, headers: [(name: String, value: String)] = []) {
        self.status = status
        self.error = error
        self.headers = headers
    }

    public init(_ error: BatchError) {
        status = error.code.httpStatus
        self.error = error
        headers = status == 503 ? [("Retry-After", "1")] : []
    }

    static func bad(_ message: String, hint: Hint = "see what can be called: GET /openapi.yaml") -> HTTPFault {
        HTTPFault(400, BatchError(.usage, message, hint: hint))
    }

    var response: HTTPResponse { .json(ErrorReport(error).json, status: status, headers: headers) }
}

extension ErrorCode {
    /// The status of an answer that is this error.
    public var httpStatus: Int {
        switch self {
        case .token: 401
        case .rateLimit: 429
        case .unknownJob, .unknownBatch, .unknownPoint, .unknownSwitch, .unknownPlan, .unknownTenant, .unknownQueueJob,
            .unknownSchedule, .unknownName:
            404
        case .wrongState, .fileExists, .libraryMissing: 409
        case .busy, .leaseLost: 503
        case .sql, .constraint, .checkFailed, .timeout, .stopped: 409
        case .diskFull: 507
        case .noWorkspace, .invalidConfiguration, .invalidCatalog, .fileMissing, .notADatabase: 500
        default:
            switch exitCode {
            case .usage: 400
            case .refusedByPolicy: 403
            case .refusedByDependents, .noRestorePoint, .waitingForApproval: 409
            default: 500
            }
        }
    }
}

/// An address of the internet protocol, with no name looked up for it.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16.
    public let bytes: [UInt8]
    public let description: String

    /// - Parameter text: how people write `bytes`.
    init(bytes: [UInt8], text: String) {
        // 127.0.0.1, as a socket of version 6 sees it.
        if bytes.count == 16, bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 255, bytes[11] == 255 {
            self.bytes = Array(bytes[12...])
            description = self.bytes.map(String.init).joined(separator: ".")
        } else {
            self.bytes = bytes
            description = text
        }
    }

    public var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }

    /// One address is one client; of version 6 a household has 2^64.
    var network: [UInt8] { bytes.count == 4 ? bytes : Array(bytes.prefix(8)) }
}

/// Addresses that share their first bits: `10.0.0.0/8`, or one address.
public struct IPNetwork: Hashable, Sendable {
    let address: IPAddress
    let bits: Int

    /// Nil when the text is none.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        self.address = address
        let all = address.bytes.count * 8
        if parts.count == 1 {
            bits = all
        } else {
            guard let bits = Int(parts[1]), (0...all).contains(bits) else { return nil }
            self.bits = bits
        }
    }

    public func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        for bit in 0..<bits {
            let (byte, mask) = (bit / 8, UInt8(0x80) >> UInt8(bit % 8))
            if other.bytes[byte] & mask != address.bytes[byte] & mask { return false }
        }
        return true
    }
}

/// `%41` in an address.
public enum PercentEncoding {
    /// Nil when it is no encoding of text: `%`, `%G1`, a byte that is no UTF-8, or zero.
    public static func decode(_ text: String) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "%") {
                guard place + 2 < bytes.count,
                    let byte = Hex.bytes(String(decoding: bytes[place + 1...place + 2], as: UTF8.self))?.first,
                    byte != 0
                else { return nil }
                decoded.append(byte)
                place += 3
            } else {
                decoded.append(bytes[place])
                place += 1
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}

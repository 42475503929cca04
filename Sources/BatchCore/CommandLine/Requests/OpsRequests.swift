/// `ops trust`
public struct TrustRequest: Hashable, Sendable {
    public let name: String
    /// A file.
    public let key: String
    public let role: Role

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        name = try KeyName.check(try arguments.required("name"))
        key = try arguments.required("key")
        role = Role(rawValue: try arguments.required("role")) ?? .viewer
    }
}

/// `ops sign`
public struct SignRequest: Hashable, Sendable {
    public let request: String
    public let key: String
    public let file: String
    public let life: Duration
    /// Nil: the workspace at hand.
    public let target: String?

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        request = try arguments.required("request")
        key = try arguments.required("key")
        file = try arguments.required("to")
        target = arguments.value("target")
        let text = arguments.value("expires") ?? "1h"
        guard let life = Duration(text: text), life.wholeMilliseconds <= OpsRequest.longestLife else {
            throw BatchError(
                .usage, "--expires '\(text)' is no time up to 168h", hint: "write it as 30m or 48h: --expires 1h")
        }
        self.life = life
    }
}

/// Whose key it is: a name that fits on one line of a key file and of a report.
public enum KeyName {
    public static func check(_ name: String) throws(BatchError) -> String {
        let isPlain = name.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 58 }
        guard isPlain, (1...64).contains(name.utf8.count) else {
            throw BatchError(
                .usage, "'\(name)' is no name for a key", hint: "1 to 64 letters, digits and signs, no space, no ':'")
        }
        return name
    }
}

/// The one error type inside the package: a code that scripts match, words for a person, and the next command to type.
public struct BatchError: Error, Equatable, Sendable {
    public let code: ErrorCode
    /// What happened, with the name of the thing. No row values: they may be secret.
    public let message: String
    /// What to do next, usually a command.
    public let hint: String

    public init(_ code: ErrorCode, _ message: String, hint: String) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}

extension BatchError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
}

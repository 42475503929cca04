/// Something to know about work that was done.
public struct Warning: Hashable, Sendable {
    public let code: WarningCode
    public let text: String
    /// Empty when there is nothing to do about it.
    public let hint: Hint

    public init(_ code: WarningCode, _ text: String, hint: Hint = "") {
        self.code = code
        self.text = text
        self.hint = hint
    }

    /// With what to do about it.
    public func text(_ call: CallOptions) -> String { hint.isEmpty ? text : "\(text): \(hint.text(call))" }
}

extension [Warning] {
    /// The words.
    func texts(_ call: CallOptions) -> JSONValue { .array(map { .string($0.text(call)) }) }

    /// A code for each, in the same order; nothing when there is no warning.
    var codes: [JSONValue.Member] { JSONValue.Member.only("warning_codes", .array(map { .string($0.code.rawValue) })) }
}

/// Something to know about work that was done.
public struct Warning: Hashable, Sendable {
    public let code: WarningCode
    public let text: String

    public init(_ code: WarningCode, _ text: String) {
        self.code = code
        self.text = text
    }
}

extension [Warning] {
    /// The words.
    var texts: JSONValue { .array(map { .string($0.text) }) }

    /// A code for each, in the same order; nothing when there is no warning.
    var codes: [JSONValue.Member] { JSONValue.Member.only("warning_codes", .array(map { .string($0.code.rawValue) })) }
}

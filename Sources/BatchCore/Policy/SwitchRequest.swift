/// `switch set`
public struct SwitchRequest: Hashable, Sendable {
    public let name: SwitchName
    public let value: SwitchValue
    public let reason: String
    /// How long it holds; nil: until it is set again.
    public let duration: Duration?
    /// Set it also when no job, module or tenant of that name is known.
    public let mayBeUnknown: Bool

    /// - Throws: `ERR_UX_UNKNOWN_SWITCH`, `ERR_UX_USAGE`.
    public init(name: String, value: String, reason: String, duration: String?, mayBeUnknown: Bool = false)
        throws(BatchError)
    {
        self.name = try SwitchName(name)
        self.value = try SwitchRequest.value(value, of: self.name)
        guard reason.utf8.contains(where: { $0 > 32 }), reason.utf8.count <= 1_000 else {
            throw BatchError(
                .usage, "a switch needs a reason, of at most 1,000 bytes", hint: "say why: --reason TEXT")
        }
        self.reason = reason
        self.mayBeUnknown = mayBeUnknown
        self.duration = duration.flatMap { Duration(text: $0) }
        guard (self.duration == nil) == (duration == nil) else {
            throw BatchError(
                .usage, "--for '\(duration ?? "")' is no span of time", hint: "write it as 30m, 2h or 7d: --for 2h")
        }
    }

    private static func value(_ text: String, of name: SwitchName) throws(BatchError) -> SwitchValue {
        let words = name.values.map(\.rawValue)
        guard let value = SwitchValue(rawValue: text), name.takes(value) else {
            let number = if case .threshold = name { ", or a number" } else { "" }
            throw BatchError(
                .usage, "\(name) cannot be '\(text)'\(Suggestion.clause(for: text, in: words))",
                hint: "one of: \(words.joined(separator: ", "))\(number)")
        }
        return value
    }
}

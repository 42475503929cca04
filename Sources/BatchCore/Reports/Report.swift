/// What a verb answers: one JSON document, a published interface. Text for people is made from the same value.
public protocol Report: Sendable {
    /// All but `format_version`. Keys may be added; none is removed or renamed without a new version.
    /// - Parameter call: how the tool was called, for the commands that it names.
    func members(_ call: CallOptions) -> [JSONValue.Member]
}

extension Report {
    public var json: JSONValue { json(.none) }

    public func json(_ call: CallOptions) -> JSONValue { .object([.init("format_version", 1)] + members(call)) }
}

extension JSONValue.Member {
    /// Nothing at all when `value` is nil or false: for keys that only special cases have.
    static func only(_ key: String, if flag: Bool) -> [JSONValue.Member] {
        flag ? [.init(key, true)] : []
    }

    /// Nothing at all when there is no value, or an empty list.
    static func only(_ key: String, _ value: JSONValue?) -> [JSONValue.Member] {
        value == nil || value?.array?.isEmpty == true ? [] : [.init(key, value ?? .null)]
    }
}

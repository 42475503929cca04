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

/// Any error. A refused rollback also tells what stands in its way.
public struct ErrorReport: Report {
    public let error: BatchError
    /// Nil unless dependents are the reason.
    public let dependents: DependentsReport?
    public let conflicts: [Conflict]

    public init(_ error: BatchError, dependents: DependentsReport? = nil, conflicts: [Conflict] = []) {
        self.error = error
        self.dependents = dependents
        self.conflicts = conflicts
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init(
                "error",
                [
                    "code": .string(error.code.rawValue), "class": .string(error.code.errorClass.rawValue),
                    "message": .string(error.message), "hint": .string(error.hint.text(call)),
                    "exit_code": .integer(Int64(error.code.exitCode.rawValue)),
                ])
        ]
        if let dependents { members += dependents.members(call) }
        if !conflicts.isEmpty { members.append(.init("conflicts", .array(conflicts.map(\.json)))) }
        return members
    }
}

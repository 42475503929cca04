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

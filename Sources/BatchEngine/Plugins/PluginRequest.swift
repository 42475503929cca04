public import BatchCore

/// What a plugin is asked to do: the one JSON object on its stdin. `docs/plugins.md` describes it for authors.
public struct PluginRequest: Sendable {
    public enum Call: String, Sendable, CaseIterable {
        case describe
        case run
        case undo
    }

    public let call: Call
    public let batch: String?
    public let step: String?
    public let tenant: String?
    /// An object: the batch's parameters by name.
    public let parameters: JSONValue
    /// An object: what the step says beside its kind.
    public let settings: JSONValue
    /// For `undo`: the result object of the run that is undone.
    public let result: JSONValue

    public static let formatVersion = 1
    public static let describe = PluginRequest(.describe, batch: nil, step: nil)

    public init(
        _ call: Call, batch: String?, step: String?, tenant: String? = nil, parameters: JSONValue = .object([]),
        settings: JSONValue = .object([]), result: JSONValue = .null
    ) {
        self.call = call
        self.batch = batch
        self.step = step
        self.tenant = tenant
        self.parameters = parameters
        self.settings = settings
        self.result = result
    }

    public var document: JSONValue {
        var members: [JSONValue.Member] = [
            .init("format_version", .init(PluginRequest.formatVersion)), .init("call", .string(call.rawValue)),
        ]
        guard call != .describe else { return .object(members) }
        members += [
            .init("batch", .init(batch)), .init("step", .init(step)), .init("tenant", .init(tenant)),
            .init("parameters", parameters), .init("settings", settings),
        ]
        if call == .undo { members.append(.init("result", result)) }
        return .object(members)
    }
}

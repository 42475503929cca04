/// The tables as a JSON document, for programs.
public struct HelpDocument: Report {
    public let verbs: [Verb]

    public init(verbs: [Verb]) { self.verbs = verbs }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("version", .string(Tool.version)),
            .init("verbs", .array(verbs.map(document))),
            .init("global_options", .array(GlobalOptions.table.map(document))),
        ]
    }

    private func document(_ verb: Verb) -> JSONValue {
        [
            "name": .string(verb.name), "summary": .string(verb.summary), "usage": .string(verb.usage),
            "arguments": .array(
                verb.positionals.map { ["name": .string($0.argument.placeholder), "summary": .string($0.summary)] }),
            "options": .array(verb.options.map(document)),
        ]
    }

    private func document(_ option: Option) -> JSONValue {
        var choices = JSONValue.null
        if case .choice(let words) = option.argument { choices = .array(words.map(JSONValue.string)) }
        return [
            "name": .string("--" + option.name), "value": JSONValue(option.argument?.placeholder), "choices": choices,
            "required": .bool(option.isRequired), "repeats": .bool(option.repeats),
            "summary": .string(option.summary),
        ]
    }
}

public import BatchCore

/// A table of keys as JSON Schema (draft 2020-12), for editors.
///
/// The schema says what a file looks like. What takes more than one place of it to see — that a parameter is
/// declared, that `needs` leads nowhere in a circle — only `batchmgr catalog validate` tells.
enum JSONSchema {
    static func document(_ table: KeyTable, title: String) -> JSONValue {
        let head: [JSONValue.Member] = [
            .init("$schema", "https://json-schema.org/draft/2020-12/schema"), .init("title", .string(title)),
        ]
        return .object(head + members(of: table.keys))
    }

    private static func schema(_ shape: ValueShape) -> JSONValue {
        switch shape {
        case .text(let rule):
            rule.pattern.map { ["type": "string", "pattern": .string($0)] } ?? ["type": "string"]
        case .query, .statements: schema(.text(.sql))
        case .command: schema(ValueShape.arguments)
        case .choice(let words): ["enum": .array(words.map(JSONValue.string))]
        case .boolean: ["type": "boolean"]
        case .integer(let range):
            ["type": "integer", "minimum": JSONValue(range.lowerBound), "maximum": JSONValue(range.upperBound)]
        case .number(let range):
            ["type": "number", "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound)]
        case .scalar: ["type": ["string", "number", "boolean", "null"]]
        case .argument: ["type": ["string", "number", "boolean"]]
        case .list(let element, let mayBeEmpty):
            ["type": "array", "items": schema(element), "minItems": mayBeEmpty ? 0 : 1]
        case .record(let table): .object(members(of: table.keys))
        case .entries(let rule, let value):
            [
                "type": "object", "additionalProperties": schema(value),
                "propertyNames": schema(.text(rule)),
            ]
        case .oneOf(let common, let choices, _):
            ["oneOf": .array(choices.map { .object(members(of: keys(of: $0, common))) })]
        case .anything: .object([])
        }
    }

    private static func keys(of choice: KeyChoice, _ common: KeyTable) -> [KeyRule] {
        let key = KeyRule(choice.key.name, choice.key.shape, required: true, choice.key.meaning)
        return common.keys + [key] + choice.beside
    }

    private static func members(of keys: [KeyRule]) -> [JSONValue.Member] {
        let companions = keys.compactMap { key in
            key.companion.map { JSONValue.Member(key.name, [.string($0)]) }
        }
        let required = keys.filter { $0.isRequired && $0.substitute == nil }.map { JSONValue.string($0.name) }
        var members: [JSONValue.Member] = [.init("type", "object")]
        if !required.isEmpty { members.append(.init("required", .array(required))) }
        for key in keys where key.isRequired {
            guard let other = key.substitute else { continue }
            let choices = [key.name, other].map { JSONValue.object([.init("required", [.string($0)])]) }
            members.append(.init("oneOf", .array(choices)))
        }
        if !companions.isEmpty { members.append(.init("dependentRequired", .object(companions))) }
        members.append(.init("properties", .object(keys.map { .init($0.name, described($0)) })))
        members.append(.init("additionalProperties", false))
        return members
    }

    private static func described(_ key: KeyRule) -> JSONValue {
        let members = schema(key.shape).members ?? []
        return .object([.init("description", .string(key.meaning))] + members)
    }
}

/// What a job file looks like, for editors and for the documentation.
public enum CatalogSchema {
    /// The JSON Schema of a job file.
    public static func document(_ rules: CatalogRules) -> JSONValue {
        JSONSchema.document(JobKeys.table(rules), title: "A job of batchmgr")
    }

    /// As it stands in `catalog/schema.json`.
    public static func text(_ rules: CatalogRules) -> String {
        JSONWriter.text(document(rules), indented: true) + "\n"
    }

    /// Every key of a job file by its path, with its meaning.
    public static func keys(_ rules: CatalogRules) -> [(path: String, meaning: String)] {
        JobKeys.table(rules).documentation
    }
}

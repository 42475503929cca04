import BatchCore

/// As much of JSON Schema as the schema of the catalog uses.
struct SchemaCheck {
    let schema: JSONValue

    /// Nil when the document fits.
    func problem(_ document: JSONValue) -> String? { problem(document, schema, "$") }

    private func problem(_ value: JSONValue, _ schema: JSONValue, _ path: String) -> String? {
        for member in schema.members ?? [] {
            if let problem = problem(value, member, schema, path) { return "\(path): \(problem)" }
        }
        return nil
    }

    private func problem(
        _ value: JSONValue, _ rule: JSONValue.Member, _ schema: JSONValue, _ path: String
    ) -> String? {
        switch rule.key {
        case "$schema", "title", "description": nil
        case "type":
            (rule.value.array ?? [rule.value]).contains { isType(value, $0.string ?? "") } ? nil : "type \(rule.value)"
        case "enum": rule.value.array?.contains(value) == true ? nil : "enum"
        case "pattern": matches(value.string, rule.value.string) ? nil : "pattern"
        case "minimum": value.integer.map { $0 >= rule.value.integer ?? 0 } ?? true ? nil : "minimum"
        case "maximum": value.integer.map { $0 <= rule.value.integer ?? 0 } ?? true ? nil : "maximum"
        case "minItems": value.array.map { $0.count >= Int(rule.value.integer ?? 0) } ?? true ? nil : "minItems"
        case "items": value.array?.lazy.compactMap { problem($0, rule.value, path + "[]") }.first
        case "required": missing(value, rule.value.array)
        case "dependentRequired":
            rule.value.members?.lazy.filter { value[$0.key] != nil }.compactMap { missing(value, $0.value.array) }.first
        case "properties":
            rule.value.members?.lazy.compactMap { key in
                value[key.key].flatMap { problem($0, key.value, "\(path).\(key.key)") }
            }.first
        case "propertyNames": value.members?.lazy.compactMap { problem(.string($0.key), rule.value, path) }.first
        case "additionalProperties": additional(value, rule.value, schema, path)
        case "oneOf":
            rule.value.array?.count { problem(value, $0, path) == nil } == 1 ? nil : "oneOf"
        default: "the schema uses \(rule.key), which this check does not know"
        }
    }

    private func isType(_ value: JSONValue, _ name: String) -> Bool {
        switch value {
        case .null: name == "null"
        case .bool: name == "boolean"
        case .integer: name == "integer" || name == "number"
        case .number: name == "number"
        case .string: name == "string"
        case .array: name == "array"
        case .object: name == "object"
        }
    }

    private func matches(_ text: String?, _ pattern: String?) -> Bool {
        guard let text, let pattern, let expression = try? Regex(pattern) else { return true }
        return text.firstMatch(of: expression) != nil
    }

    private func missing(_ value: JSONValue, _ names: [JSONValue]?) -> String? {
        guard value.members != nil else { return nil }
        return names?.compactMap(\.string).first { value[$0] == nil }.map { "\($0) is missing" }
    }

    private func additional(_ value: JSONValue, _ rule: JSONValue, _ schema: JSONValue, _ path: String) -> String? {
        let known = schema["properties"]?.members?.map(\.key) ?? []
        for member in value.members ?? [] where !known.contains(member.key) {
            if rule == false { return "\(member.key) is not known" }
            if let problem = problem(member.value, rule, "\(path).\(member.key)") { return problem }
        }
        return nil
    }
}

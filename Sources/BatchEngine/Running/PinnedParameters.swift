internal import BatchCore

/// Parameters as the ledger keeps them: a JSON object from which the very same values come back.
enum PinnedParameters {
    static func text(_ values: ParameterValues) -> String {
        JSONWriter.text(.object(values.entries.map { .init($0.name, json($0.value)) }))
    }

    static func values(_ text: String?) throws(BatchError) -> ParameterValues {
        guard let text else { return ParameterValues([]) }
        guard let members = (try? JSONParser.parse(text))?.members else {
            throw BatchError(
                .corruptLedger, "pinned parameters cannot be read", hint: "see what is damaged: \(command: "verify")")
        }
        return ParameterValues(members.map { .init($0.key, value($0.value)) })
    }

    private static func json(_ value: SQLValue) -> JSONValue {
        switch value {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number): .number(number)
        case .text, .text16: .string(value.string ?? "")
        case .blob(let bytes): ["blob": .string(Hex.string(bytes))]
        }
    }

    private static func value(_ json: JSONValue) -> SQLValue {
        switch json {
        case .integer(let number): .integer(number)
        case .number(let number): .real(number)
        case .string(let text): .string(text)
        case .bool(let flag): .integer(flag ? 1 : 0)
        case .object: json["blob"]?.string.flatMap { Hex.bytes($0) }.map(SQLValue.blob) ?? .null
        default: .null
        }
    }
}

internal import BatchCore

/// An argument of a table.
enum TableArgument {
    /// - Throws: `ERR_UX_USAGE` when the value has no text that could name something.
    static func text(_ value: SQLValue, _ name: String, hint: String) throws(BatchError) -> String {
        switch value {
        case .integer(let number): return String(number)
        case .text(let bytes) where bytes.count <= 1 << 20:
            guard let text = String(validating: bytes, as: UTF8.self), !text.contains("\0") else { break }
            return text
        default: break
        }
        throw BatchError(.usage, "the argument \(name) is no valid text", hint: hint)
    }

    /// The columns of a key: one value, or a JSON list of values.
    static func key(_ text: String) throws(BatchError) -> [SQLValue] {
        if text.hasPrefix("["), let list = (try? JSONParser.parse(text))?.array { return list.map(value) }
        return [Int64(text).map(SQLValue.integer) ?? .string(text)]
    }

    private static func value(_ json: JSONValue) -> SQLValue {
        switch json {
        case .null: .null
        case .integer(let number): .integer(number)
        case .number(let number): .real(number)
        case .bool(let value): .integer(value ? 1 : 0)
        case .string(let text): .string(text)
        case .array, .object:
            json["blob"]?.string.flatMap(Hex.bytes).map(SQLValue.blob) ?? .string(JSONWriter.text(json))
        }
    }
}

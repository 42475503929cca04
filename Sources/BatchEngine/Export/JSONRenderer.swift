internal import BatchCore

/// An array of objects, one row a line. Lossless: what plain JSON cannot carry is an object with one key that names
/// the type: `{"blob":"hex"}`, `{"text":"hex"}` for text that is not UTF-8, `{"text16":"hex"}` for text that is not
/// UTF-16 (little-endian bytes), `{"real":"Infinity"}`.
struct JSONRenderer: ExportRenderer {
    /// Each column's name as a JSON string with its colon, written once.
    private let keys: [[UInt8]]
    private var isFirst = true

    init(columns: [String]) {
        keys = JSONRenderer.distinct(columns).map { Array((JSONWriter.text(.string($0)) + ":").utf8) }
    }

    mutating func begin(into output: inout [UInt8]) { output.append(UInt8(ascii: "[")) }

    mutating func row(_ values: [SQLValue], into output: inout [UInt8]) {
        output.append(contentsOf: isFirst ? "\n{".utf8 : ",\n{".utf8)
        isFirst = false
        for (index, (key, value)) in zip(keys, values).enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(contentsOf: key)
            output.append(contentsOf: JSONWriter.text(JSONRenderer.document(value)).utf8)
        }
        output.append(UInt8(ascii: "}"))
    }

    mutating func end(into output: inout [UInt8]) { output.append(contentsOf: "\n]\n".utf8) }

    static func document(_ value: SQLValue) -> JSONValue {
        switch value {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number): number.isFinite ? .number(number) : tagged("real", ExportText.real(number))
        case .text(let bytes):
            String(validating: bytes, as: UTF8.self).map(JSONValue.string) ?? tagged("text", Hex.string(bytes))
        case .text16(let bytes):
            bytes.count.isMultiple(of: 2)
                ? String(validating: SQLValue.utf16Units(bytes), as: UTF16.self).map(JSONValue.string)
                    ?? tagged("text16", Hex.string(bytes))
                : tagged("text16", Hex.string(bytes))
        case .blob(let bytes): tagged("blob", Hex.string(bytes))
        }
    }

    private static func tagged(_ type: String, _ text: String) -> JSONValue { .object([.init(type, .string(text))]) }

    /// Two columns of one name would be one key: the later ones get a number.
    static func distinct(_ columns: [String]) -> [String] {
        var taken: Set<String> = []
        return columns.map { column in
            var name = column
            var number = 2
            while (name != column && columns.contains(name)) || !taken.insert(name).inserted {
                name = "\(column)_\(number)"
                number += 1
            }
            return name
        }
    }
}

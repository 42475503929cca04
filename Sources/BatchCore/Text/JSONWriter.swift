/// Writes JSON (RFC 8259): compact on one line, or indented for people.
public struct JSONWriter {
    private var output: [UInt8] = []
    private let indented: Bool

    private init(indented: Bool) { self.indented = indented }

    public static func text(_ value: JSONValue, indented: Bool = false) -> String {
        var writer = JSONWriter(indented: indented)
        writer.write(value, depth: 0)
        return String(decoding: writer.output, as: UTF8.self)
    }

    private mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: append("null")
        case .bool(let flag): append(flag ? "true" : "false")
        case .integer(let number): append(String(number))
        // JSON has no infinities and no NaN.
        case .number(let number): append(number.isFinite ? "\(number)" : "null")
        case .string(let text): write(text)
        case .array(let elements):
            list("[", "]", elements, depth: depth) { $0.write($1, depth: depth + 1) }
        case .object(let members):
            list("{", "}", members, depth: depth) { writer, member in
                writer.write(member.key)
                writer.append(writer.indented ? ": " : ":")
                writer.write(member.value, depth: depth + 1)
            }
        }
    }

    private mutating func list<Element>(
        _ open: String, _ close: String, _ elements: [Element], depth: Int,
        write: (inout JSONWriter, Element) -> Void
    ) {
        append(open)
        for (index, element) in elements.enumerated() {
            if index > 0 { append(",") }
            newline(depth + 1)
            write(&self, element)
        }
        if !elements.isEmpty { newline(depth) }
        append(close)
    }

    private mutating func newline(_ depth: Int) {
        guard indented else { return }
        append("\n" + String(repeating: "  ", count: depth))
    }

    private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }

    private mutating func write(_ text: String) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 10: append("\\n")
            case 13: append("\\r")
            case 9: append("\\t")
            case 0..<32, 127: append("\\u00" + Hex.string(CollectionOfOne(byte)))
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}

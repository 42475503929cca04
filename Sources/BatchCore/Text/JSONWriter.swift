/// Writes JSON (RFC 8259): compact on one line, or indented for people.
public struct JSONWriter {
    private var output: [UInt8] = []
    private let indented: Bool

    private init(indented: Bool) { self.indented = indented }

    public static func text(_ value: JSONValue, indented: Bool = false) -> String {
        var writer = JSONWriter(indented: indented)
        writer.output.reserveCapacity(512)
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
        var text = text
        text.withUTF8 { bytes in
            // What needs no escape is copied in one piece.
            var begin = 0
            for place in bytes.indices {
                guard let escape = JSONWriter.escape(bytes[place]) else { continue }
                output.append(contentsOf: bytes[begin..<place])
                append(escape)
                begin = place + 1
            }
            output.append(contentsOf: bytes[begin...])
        }
        output.append(UInt8(ascii: "\""))
    }

    @inline(__always)
    private static func escape(_ byte: UInt8) -> String? {
        guard byte < 32 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 127 else { return nil }
        return switch byte {
        case UInt8(ascii: "\""): "\\\""
        case UInt8(ascii: "\\"): "\\\\"
        case 10: "\\n"
        case 13: "\\r"
        case 9: "\\t"
        default: "\\u00" + Hex.string(CollectionOfOne(byte))
        }
    }
}

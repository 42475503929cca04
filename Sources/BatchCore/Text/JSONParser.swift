/// Reads JSON (RFC 8259). Whole numbers that fit become `integer`, all others `number`.
public struct JSONParser {
    private let input: [UInt8]
    private var position = 0
    private let refusesRepeats: Bool
    /// Deeper documents are refused: a plugin's output must not be able to exhaust the stack.
    private static let deepest = 200

    private init(_ input: [UInt8], refusesRepeats: Bool) {
        self.input = input
        self.refusesRepeats = refusesRepeats
    }

    /// - Parameter refusingRepeats: a key that is there twice is an error, since two readers would each believe another
    ///   one. Ask for it where somebody may gain by that.
    /// - Throws: `SyntaxError` with the offset of the first byte that does not fit.
    public static func parse(_ text: String, refusingRepeats: Bool = false) throws(SyntaxError) -> JSONValue {
        var parser = JSONParser(Array(text.utf8), refusesRepeats: refusingRepeats)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == parser.input.count else {
            throw parser.failure("there is more text after the document")
        }
        return value
    }

    private func failure(_ what: String) -> SyntaxError { SyntaxError(offset: position, what: what) }

    private mutating func skipSpace() {
        while let byte = peek, byte == 32 || (byte >= 9 && byte <= 13 && byte != 11 && byte != 12) { position += 1 }
    }

    private var peek: UInt8? { position < input.count ? input[position] : nil }

    private mutating func value(depth: Int) throws(SyntaxError) -> JSONValue {
        guard depth < JSONParser.deepest else { throw failure("nested too deep") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(SyntaxError) -> JSONValue {
        guard input[position...].starts(with: word.utf8) else { throw failure("not a JSON value") }
        position += word.utf8.count
        return value
    }

    private mutating func expect(_ byte: Unicode.Scalar) throws(SyntaxError) {
        skipSpace()
        guard peek == UInt8(ascii: byte) else { throw failure("'\(byte)' expected") }
        position += 1
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        skipSpace()
        guard peek == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func object(depth: Int) throws(SyntaxError) -> JSONValue {
        try expect("{")
        var members: [JSONValue.Member] = []
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            let key = try string()
            if refusesRepeats, members.contains(where: { $0.key == key }) {
                throw failure("the key '\(key)' is given twice")
            }
            try expect(":")
            members.append(.init(key, try value(depth: depth + 1)))
        } while take(",")
        try expect("}")
        return .object(members)
    }

    private mutating func array(depth: Int) throws(SyntaxError) -> JSONValue {
        try expect("[")
        if take("]") { return .array([]) }
        var elements: [JSONValue] = []
        repeat { elements.append(try value(depth: depth + 1)) } while take(",")
        try expect("]")
        return .array(elements)
    }

    private mutating func string() throws(SyntaxError) -> String {
        guard peek == UInt8(ascii: "\"") else { throw failure("expected a string") }
        position += 1
        var bytes: [UInt8] = []
        while let byte = peek {
            position += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
            if byte < 32 { throw failure("a control character in a string") }
            if byte == UInt8(ascii: "\\") { try escape(into: &bytes) } else { bytes.append(byte) }
        }
        throw failure("the string does not end")
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(SyntaxError) {
        guard let byte = peek else { throw failure("the string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): bytes.append(10)
        case UInt8(ascii: "t"): bytes.append(9)
        case UInt8(ascii: "r"): bytes.append(13)
        case UInt8(ascii: "b"): bytes.append(8)
        case UInt8(ascii: "f"): bytes.append(12)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
        case UInt8(ascii: "u"):
            var units = [try unit()]
            if UTF16.isLeadSurrogate(units[0]), input[position...].starts(with: "\\u".utf8) {
                position += 2
                units.append(try unit())
            }
            guard let text = String(validating: units, as: UTF16.self) else {
                throw failure("half of a surrogate pair")
            }
            bytes.append(contentsOf: text.utf8)
        default: throw failure("no such escape")
        }
    }

    private mutating func unit() throws(SyntaxError) -> UInt16 {
        let digits = input[position...].prefix(4)
        // The conversion to a number would take a sign too.
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("expected four hexadecimal digits") }
        position += 4
        return unit
    }

    /// `-`, digits without a zero before others, and with digits after each: `.` and `e`.
    private mutating func number() throws(SyntaxError) -> JSONValue {
        let start = position
        var isWhole = true
        _ = skip(UInt8(ascii: "-"))
        let isZero = skip(UInt8(ascii: "0"))
        var isNumber = isZero || skipDigits()
        if isNumber, skip(UInt8(ascii: ".")) {
            isWhole = false
            isNumber = skipDigits()
        }
        if isNumber, skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            isWhole = false
            if !skip(UInt8(ascii: "-")) { _ = skip(UInt8(ascii: "+")) }
            isNumber = skipDigits()
        }
        let text = String(decoding: input[start..<position], as: UTF8.self)
        if isNumber, !continuesNumber {
            if isWhole, let whole = Int64(text) { return .integer(whole) }
            if let real = Double(text) { return .number(real) }
        }
        position = start
        throw failure("not a JSON value")
    }

    private var continuesNumber: Bool { peek.map { "+-.eE0123456789".utf8.contains($0) } ?? false }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    /// False when there is none.
    private mutating func skipDigits() -> Bool {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position > start
    }

    /// Where and why a text is not JSON.
    public struct SyntaxError: Error, Equatable, Sendable {
        public let offset: Int
        public let what: String
    }
}

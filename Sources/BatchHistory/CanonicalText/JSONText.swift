internal import BatchCore
internal import BatchLedger

/// JSON strings as bytes: no `String` is made for a value.
enum JSONText {
    /// ASCII that needs no escape: most texts.
    static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes where byte < 32 || byte > 126 || byte == 34 || byte == 92 { return false }
        return true
    }

    static func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue: continue
            case .emptyInput: return true
            case .error: return false
            }
        }
    }

    /// Nil when a surrogate stands alone or a byte is left over: such text has no UTF-8 form.
    static func utf8(fromUTF16 bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard bytes.count.isMultiple(of: 2) else { return nil }
        var decoder = UTF16()
        var units = stride(from: 0, to: bytes.count, by: 2)
            .lazy.map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }.makeIterator()
        var utf8: [UInt8] = []
        while true {
            switch decoder.decode(&units) {
            case .scalarValue(let scalar):
                utf8.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            case .emptyInput: return utf8
            case .error: return nil
            }
        }
    }

    /// - Parameter bytes: valid UTF-8.
    static func appendEscaped(_ bytes: UnsafeRawBufferPointer, to text: inout ByteBuffer) {
        text.append(UInt8(ascii: "\""))
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""): appendEscape("\"", to: &text)
            case UInt8(ascii: "\\"): appendEscape("\\", to: &text)
            case 10: appendEscape("n", to: &text)
            case 13: appendEscape("r", to: &text)
            case 9: appendEscape("t", to: &text)
            case 0..<32, 127: text.append(contentsOf: Array("\\u00".utf8) + Array(Hex.string([byte]).utf8))
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    private static func appendEscape(_ letter: Unicode.Scalar, to text: inout ByteBuffer) {
        text.append(UInt8(ascii: "\\"))
        text.append(UInt8(ascii: letter))
    }
}

internal import BatchCore

/// Values as text for people: what CSV and HTML show.
enum ExportText {
    /// UTF-8, with U+FFFD for what is not Unicode and for control characters other than tab and line ends; nil for NULL.
    static func bytes(_ value: SQLValue) -> [UInt8]? {
        switch value {
        case .null: nil
        case .integer(let number): Array(String(number).utf8)
        case .real(let number): Array(real(number).utf8)
        case .text(let bytes): clean(bytes)
        case .text16(let bytes): clean(Array(String(decoding: SQLValue.utf16Units(bytes), as: UTF16.self).utf8))
        case .blob(let bytes): Array("x'\(Hex.string(bytes))'".utf8)
        }
    }

    static func real(_ number: Double) -> String {
        number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : "\(number)"
    }

    private static let replacement = Array("\u{FFFD}".utf8)

    private static func isHarmful(_ byte: UInt8) -> Bool {
        (byte < 32 && byte != 9 && byte != 10 && byte != 13) || byte == 127
    }

    private static func clean(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.allSatisfy({ $0 < 128 && !isHarmful($0) }) { return bytes }
        var cleaned: [UInt8] = []
        cleaned.reserveCapacity(bytes.count)
        for byte in String(decoding: bytes, as: UTF8.self).utf8 {
            if isHarmful(byte) { cleaned.append(contentsOf: replacement) } else { cleaned.append(byte) }
        }
        return cleaned
    }
}

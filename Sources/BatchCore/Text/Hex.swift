/// Lower-case hexadecimal.
public enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Sixteen digits.
    public static func string(_ value: UInt64) -> String {
        digits.withUnsafeBufferPointer { digits in
            String(unsafeUninitializedCapacity: 16) { text in
                for place in 0..<16 { text[place] = digits[Int(value >> UInt64(60 - 4 * place) & 15)] }
                return 16
            }
        }
    }

    public static func string(_ bytes: some Sequence<UInt8>) -> String { string(Array(bytes)) }

    /// A value may have a gigabyte.
    public static func string(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBufferPointer { bytes in
            digits.withUnsafeBufferPointer { digits in
                String(unsafeUninitializedCapacity: bytes.count * 2) { text in
                    var place = 0
                    for byte in bytes {
                        text[place] = digits[Int(byte >> 4)]
                        text[place + 1] = digits[Int(byte & 15)]
                        place += 2
                    }
                    return place
                }
            }
        }
    }

    /// Nil when a character is not a hexadecimal digit or their number is odd.
    public static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let utf8 = Array(text.utf8)
        guard utf8.count.isMultiple(of: 2) else { return nil }
        var bytes = [UInt8]()
        bytes.reserveCapacity(utf8.count / 2)
        for index in stride(from: 0, to: utf8.count, by: 2) {
            guard let high = nibble(utf8[index]), let low = nibble(utf8[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

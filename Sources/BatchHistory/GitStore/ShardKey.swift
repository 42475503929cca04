/// A row's place in the tree of its table: sixteen hexadecimal digits, the most significant first.
enum ShardKey {
    static let digits = 16
    private static let characters = Array("0123456789abcdef".utf8)

    /// - Parameter position: 0 is the first digit.
    static func digit(_ key: UInt64, _ position: Int) -> Int { Int(key >> UInt64(60 - position * 4) & 15) }

    /// How many digits two keys share from the start.
    static func commonDigits(_ a: UInt64, _ b: UInt64) -> Int { (a ^ b).leadingZeroBitCount / 4 }

    /// The digits of a range as text: the name of a folder or file.
    static func label(_ key: UInt64, _ range: Range<Int>) -> String {
        String(unsafeUninitializedCapacity: range.count) { text in
            for (index, position) in range.enumerated() { text[index] = characters[digit(key, position)] }
            return range.count
        }
    }

    /// `key` with the digits of `label` at `position` and zeros behind them; nil when the label is not made of digits or
    /// is too long.
    static func setting(_ label: String, in key: UInt64, at position: Int) -> UInt64? {
        let length = label.utf8.count
        guard length > 0, position + length <= digits else { return nil }
        var value: UInt64 = 0
        for character in label.utf8 {
            switch character {
            case 48...57: value = value << 4 | UInt64(character - 48)
            case 97...102: value = value << 4 | UInt64(character - 87)
            default: return nil
            }
        }
        let kept = position == 0 ? 0 : key & ~(UInt64.max >> UInt64(position * 4))
        return kept | value << UInt64(64 - (position + length) * 4)
    }
}

/// Questions about SQL text that need no compiler.
public enum SQLText {
    /// False for text of only space, comments and semicolons.
    public static func holdsStatement(_ sql: some StringProtocol) -> Bool {
        var bytes = Array(sql.utf8)[...]
        while let first = bytes.first {
            switch first {
            case 0x20, 0x09...0x0D, UInt8(ascii: ";"): bytes = bytes.dropFirst()
            case UInt8(ascii: "-") where bytes.dropFirst().first == UInt8(ascii: "-"):
                bytes = bytes.drop { $0 != 0x0A }
            case UInt8(ascii: "/") where bytes.dropFirst().first == UInt8(ascii: "*"):
                bytes = skipComment(bytes.dropFirst(2))
            default: return true
            }
        }
        return false
    }

    private static func skipComment(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first {
            rest = rest.dropFirst()
            if first == UInt8(ascii: "*"), rest.first == UInt8(ascii: "/") { return rest.dropFirst() }
        }
        return rest
    }
}

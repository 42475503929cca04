/// What may name a tenant: the value of a column, or a part of the path of a file.
public enum TenantID {
    public static let rule =
        "1 to 64 letters, digits, '_', '-', '.' or '@', beginning with a letter or digit, without '..'"
    public static let fileRule =
        "1 to 64 ASCII letters, digits, '_', '-' or '.', beginning with a letter or digit, without '..' and no '.' last"

    public static func isValid(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, text.unicodeScalars.count <= 64, isWord(first) else {
            return false
        }
        return !text.contains("..")
            && text.unicodeScalars.allSatisfy { isWord($0) || "_-.@".unicodeScalars.contains($0) }
    }

    /// A name that is safe in a path, and in the name of a branch.
    public static func isValidInPath(_ text: String) -> Bool {
        isValid(text) && !text.hasSuffix(".") && !text.hasSuffix(".lock")
            && text.utf8.allSatisfy { $0 < 128 && $0 != 64 }
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
    }
}

extension String {
    /// Text as another language wants it.
    ///
    /// By bytes, as its readers see them: for Swift a quote that a combining mark follows is another character than the
    /// quote, and `replacing` leaves it as it is.
    /// - Parameter forms: what stands for each of these characters; they are ASCII.
    public func escaping(_ forms: KeyValuePairs<Unicode.Scalar, String>) -> String {
        var table = [String?](repeating: nil, count: 128)
        for (scalar, form) in forms where scalar.isASCII { table[Int(scalar.value)] = form }
        guard utf8.contains(where: { $0 < 128 && table[Int($0)] != nil }) else { return self }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count + 16)
        for byte in utf8 {
            if byte < 128, let form = table[Int(byte)] { bytes += form.utf8 } else { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// As HTML and XML want text, in attributes too.
    public var escapedForMarkup: String { escaping(["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;"]) }
}

/// Paths by bytes, as the system reads them: for Swift a slash that a combining mark follows is another character, and a
/// name may begin with one.
extension String {
    /// What stands between the slashes; nothing where two follow each other, or one stands at an end.
    public var pathParts: [String] {
        utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
    }

    /// The names in it.
    public var pathNames: [String] { pathParts.filter { !$0.isEmpty } }

    public var isAbsolutePath: Bool { utf8.first == UInt8(ascii: "/") }
    public var endsInSlash: Bool { utf8.last == UInt8(ascii: "/") }
}

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

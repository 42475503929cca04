/// An http or https address.
struct WebAddress {
    let text: String
    /// Scheme, host and port: the part that may be shown.
    let origin: String

    /// Nil for other schemes, an empty host, and characters that do not belong in an address.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        let lower = text.lowercased()
        guard let scheme = ["http://", "https://"].first(where: lower.hasPrefix) else { return nil }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != "\\" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        guard !host.isEmpty, !host.hasPrefix(":") else { return nil }
        self.text = text
        origin = scheme + host
    }
}

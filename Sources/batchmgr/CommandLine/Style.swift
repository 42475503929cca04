/// Colours, or none.
public struct Style: Sendable {
    public let isColored: Bool

    public init(isColored: Bool) { self.isColored = isColored }

    public func good(_ text: String) -> String { paint(text, "32") }
    public func bad(_ text: String) -> String { paint(text, "31") }
    public func caution(_ text: String) -> String { paint(text, "33") }
    public func strong(_ text: String) -> String { paint(text, "1") }
    public func faint(_ text: String) -> String { paint(text, "2") }

    private func paint(_ text: String, _ code: String) -> String {
        isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

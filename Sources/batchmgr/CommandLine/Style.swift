public import BatchCore

/// How text is shown: with colours or without, and the options that its commands need.
public struct Style: Sendable {
    public let isColored: Bool
    /// How the tool was called: commands that the text names are to be typed in the same way.
    public let call: CallOptions

    public init(isColored: Bool, call: CallOptions = .none) {
        self.isColored = isColored
        self.call = call
    }

    /// What to do next.
    public func hint(_ hint: Hint) -> String { faint(Printable.text(hint.text(call))) }

    /// What to do next, on a line of its own.
    public func next(_ hint: Hint) -> String { self.hint(hint) + "\n" }

    public func good(_ text: String) -> String { paint(text, "32") }
    public func bad(_ text: String) -> String { paint(text, "31") }
    public func caution(_ text: String) -> String { paint(text, "33") }
    public func strong(_ text: String) -> String { paint(text, "1") }
    public func faint(_ text: String) -> String { paint(text, "2") }

    private func paint(_ text: String, _ code: String) -> String {
        isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

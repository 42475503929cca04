public import BatchCore
internal import Glibc

/// What the standard streams are connected to.
public struct Terminal: Sendable {
    public let isInputTTY: Bool
    public let isOutputTTY: Bool
    /// Progress is drawn here, and only when this is a terminal and the user did not ask for quiet.
    public let showsProgress: Bool
    /// Columns of standard output; 80 when it is no terminal.
    public let width: Int
    public let style: Style
    public let errorStyle: Style

    init(isPlain: Bool, isQuiet: Bool, call: CallOptions = .none, limit: Int = .max) {
        isInputTTY = isatty(STDIN_FILENO) == 1
        isOutputTTY = isatty(STDOUT_FILENO) == 1
        let isErrorTTY = isatty(STDERR_FILENO) == 1
        let isDumb = Terminal.environment("TERM") == "dumb"
        // https://no-color.org: set and not empty.
        let allowsColor = !isPlain && !isDumb && Terminal.environment("NO_COLOR").isEmpty
        showsProgress = isErrorTTY && !isQuiet && !isDumb
        width = Terminal.columns(STDOUT_FILENO) ?? 80
        style = Style(isColored: isOutputTTY && allowsColor, call: call, limit: limit)
        errorStyle = Style(isColored: isErrorTTY && allowsColor, call: call)
    }

    private static func environment(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    /// Nil when the stream is no terminal, or one that does not know its size.
    static func columns(_ stream: Int32) -> Int? {
        var size = winsize()
        guard ioctl(stream, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}

/// How text is shown: with colours or without, and the options that its commands need.
public struct Style: Sendable {
    public let isColored: Bool
    /// How the tool was called: commands that the text names are to be typed in the same way.
    public let call: CallOptions

    /// How many lines of a long list are shown before "and N more".
    public var limit: Int

    public init(isColored: Bool, call: CallOptions = .none, limit: Int = .max) {
        self.isColored = isColored
        self.call = call
        self.limit = limit
    }

    /// The line after a list that was cut; nothing when it was not.
    public func more(_ count: Int, _ all: HintCommand) -> String {
        let left = count - limit
        return left > 0 ? next("… and \(Figures.grouped(left)) more: \(command: all)") : ""
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

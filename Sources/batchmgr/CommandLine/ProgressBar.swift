internal import BatchSystem
internal import Glibc

/// A line on standard error that is drawn over itself; nothing at all when that is no terminal.
public final class ProgressBar {
    private let isShown: Bool
    private let style: Style
    private let started: Double
    private var lastDrawn = 0.0

    public init(_ terminal: Terminal) {
        isShown = terminal.showsProgress
        style = terminal.errorStyle
        started = ProgressBar.now
    }

    /// Cheap enough for every row: it draws ten times a second at most.
    /// - Parameter total: nil when it is not known.
    public func update(_ title: String, done: Int, total: Int?) {
        guard isShown else { return }
        let now = ProgressBar.now
        guard now - lastDrawn >= 0.1 else { return }
        lastDrawn = now
        let progress = Progress(title: title, done: done, total: total, seconds: now - started)
        let width = Terminal.columns(STDERR_FILENO) ?? 80
        StandardStream.error.tryWrite("\r\u{1B}[K" + style.faint(progress.line(width: width - 1)))
    }

    /// Takes the line away, so that what follows stands alone.
    public func clear() {
        if isShown, lastDrawn > 0 { StandardStream.error.tryWrite("\r\u{1B}[K") }
    }

    /// Seconds of a clock that is never set.
    private static var now: Double {
        Double(MonotonicClock.system.now()) / 1_000
    }
}

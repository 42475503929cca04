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

/// How far a batch is, as one line.
public struct Progress {
    public let title: String
    /// Rows.
    public let done: Int
    /// Nil when it is not known.
    public let total: Int?
    /// Since the start.
    public let seconds: Double

    public init(title: String, done: Int, total: Int?, seconds: Double) {
        self.title = title
        self.done = done
        self.total = total
        self.seconds = seconds
    }

    /// `lines ███████░░░ 70%  70,000 of 100,000 rows  35,000 rows/s  ETA 0:02`
    public func line(width: Int) -> String {
        let rate = seconds > 0 ? Int((Double(done) / seconds).rounded()) : 0
        let speed = "\(Figures.grouped(rate)) rows/s"
        guard let total, total > 0 else {
            return "\(title)  \(Figures.grouped(done)) rows  \(speed)".prefixed(width)
        }
        let share = min(Double(done) / Double(total), 1)
        let left = rate > 0 ? "  ETA " + Figures.clock(Double(max(total - done, 0)) / Double(rate)) : ""
        let counts = "\(Figures.grouped(done)) of \(Figures.grouped(total)) rows  \(speed)\(left)"
        let text = " \(Int(share * 100))%  \(counts)"
        let room = min(30, width - title.count - text.count - 2)
        guard room >= 5 else { return "\(title)\(text)".prefixed(width) }
        let full = Int(Double(room) * share)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: room - full)
        return "\(title) \(bar)\(text)"
    }
}

extension String {
    fileprivate func prefixed(_ width: Int) -> String { String(prefix(max(width, 0))) }
}

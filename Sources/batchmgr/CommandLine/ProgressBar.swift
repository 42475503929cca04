internal import BatchEngine
internal import BatchSystem
internal import Glibc
internal import Synchronization

/// A line on standard error that is drawn over itself; nothing at all when that is no terminal.
///
/// It is there once a piece of work has taken a second, and is drawn by a thread of its own: work that counts nothing is shown
/// with the time it has taken.
final class ProgressBar: Sendable {
    /// Of this process; whatever else is written takes its line away first.
    static let shared = ProgressBar()

    private struct State {
        var style: Style?
        var phase: Context.Phase?
        /// When the phase began, and how much was done then: a batch goes on where it had stopped.
        var began = 0.0
        var first = 0
        var isDrawn = false
        var isOver = false
    }

    private let state = Mutex(State())
    private let clock = WorkThread(mostWaiting: 1)
    private static let delay = 1.0

    /// - Returns: what work is told to hand its phases to.
    func start(_ terminal: Terminal) -> @Sendable (Context.Phase) -> Void {
        guard terminal.showsProgress else { return { _ in } }
        let isNew = state.withLock { state in
            defer { state.style = terminal.errorStyle }
            return state.style == nil
        }
        if isNew {
            clock.add { [self] in while draw() { usleep(100_000) } }
        }
        return { [self] in show($0) }
    }

    private func show(_ phase: Context.Phase) {
        state.withLock { state in
            if state.phase?.title != phase.title {
                state.began = ProgressBar.now
                state.first = phase.done ?? 0
            }
            state.phase = phase
        }
    }

    /// - Returns: false when there will be nothing to draw any more.
    private func draw() -> Bool {
        state.withLock { state in
            guard let style = state.style, !state.isOver else { return false }
            let seconds = ProgressBar.now - state.began
            guard let phase = state.phase, seconds >= ProgressBar.delay else { return true }
            let line = Progress(
                title: phase.title, done: phase.done, total: phase.total, seconds: seconds, first: state.first,
                noun: phase.noun
            ).line(width: (Terminal.columns(STDERR_FILENO) ?? 80) - 1)
            ProgressBar.write("\r\u{1B}[K" + style.faint(line))
            state.isDrawn = true
            return true
        }
    }

    /// Takes the line away, so that what follows stands alone.
    func clear() {
        state.withLock { state in
            if state.isDrawn { ProgressBar.write("\r\u{1B}[K") }
            state.isDrawn = false
        }
    }

    /// The work is done: no line comes again.
    func finish() {
        clear()
        state.withLock { $0.isOver = true }
    }

    private static func write(_ text: String) { try? SystemCall.write(Array(text.utf8), to: STDERR_FILENO) }

    /// Seconds of a clock that is never set.
    private static var now: Double { Double(MonotonicClock.system.now()) / 1_000 }
}

/// How far a piece of work is, as one line.
public struct Progress {
    public let title: String
    /// Nil where nothing is counted.
    public let done: Int?
    /// Nil when it is not known.
    public let total: Int?
    /// Since the start.
    public let seconds: Double
    /// What was done at the start.
    public let first: Int
    public let noun: String

    public init(title: String, done: Int?, total: Int?, seconds: Double, first: Int = 0, noun: String = "row") {
        self.title = title
        self.done = done
        self.total = total
        self.seconds = seconds
        self.first = first
        self.noun = noun
    }

    /// `lines ███████░░░ 70%  70,000 of 100,000 rows  35,000 rows/s  0:02 left`
    public func line(width: Int) -> String {
        guard let done else { return "\(title)  \(Figures.clock(seconds))".prefixed(width) }
        guard let total, total > 0 else {
            return "\(title)  \(Figures.count(done, noun))\(speed)".prefixed(width)
        }
        let share = min(Double(done) / Double(total), 1)
        let counts = "\(Figures.grouped(done)) of \(Figures.count(total, noun))\(speed)\(left(done, total))"
        let text = " \(Int(share * 100))%  \(counts)"
        let room = min(30, width - title.count - text.count - 2)
        guard room >= 5 else { return "\(title)\(text)".prefixed(width) }
        let full = Int(Double(room) * share)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: room - full)
        return "\(title) \(bar)\(text)"
    }

    /// Rows in a second.
    private var rate: Double { seconds > 0 ? Double(max((done ?? 0) - first, 0)) / seconds : 0 }

    private var speed: String {
        noun == "row" ? "  \(Figures.grouped(Int(rate.rounded()))) rows/s" : ""
    }

    /// Nothing before it can be known: after two seconds, and a twentieth of what there was to do.
    private func left(_ done: Int, _ total: Int) -> String {
        guard seconds >= 2, rate > 0, (done - first) * 20 >= total - first else { return "" }
        return "  " + Figures.clock(Double(max(total - done, 0)) / rate) + " left"
    }
}

extension String {
    fileprivate func prefixed(_ width: Int) -> String { String(prefix(max(width, 0))) }
}

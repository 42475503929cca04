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

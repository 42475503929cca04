internal import BatchCore

/// Figures as Prometheus reads them: text, version 0.0.4.
struct MetricsPage {
    enum Kind: String {
        case counter, gauge, histogram, summary
    }

    private(set) var text = ""

    /// A family with one value for each set of labels; nothing at all when there is none.
    mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]
    ) {
        guard !samples.isEmpty else { return }
        head(name, kind, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double?) {
        if let value { add(name, kind, help, [([], value)]) }
    }

    mutating func add(
        _ name: String, _ help: String, histograms: [(labels: [(String, String)], histogram: Histogram)]
    ) {
        guard !histograms.isEmpty else { return }
        head(name, .histogram, help)
        for (labels, histogram) in histograms {
            var sum = 0
            for (bound, count) in zip(Histogram.bounds, histogram.counts) {
                sum += count
                line(name + "_bucket", labels + [("le", MetricsPage.number(bound))], Double(sum))
            }
            line(name + "_bucket", labels + [("le", "+Inf")], Double(histogram.count))
            line(name + "_sum", labels, histogram.sum)
            line(name + "_count", labels, Double(histogram.count))
        }
    }

    /// Sums and counts of a summary, without its quantiles.
    mutating func add(
        _ name: String, _ help: String, sums: [(labels: [(String, String)], value: Double)],
        counts: [(labels: [(String, String)], value: Double)]
    ) {
        guard !sums.isEmpty else { return }
        head(name, .summary, help)
        for (sum, count) in zip(sums, counts) {
            line(name + "_sum", sum.labels, sum.value)
            line(name + "_count", count.labels, count.value)
        }
    }

    private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let words = labels.map { "\($0.0)=\"\(MetricsPage.escaped($0.1))\"" }.joined(separator: ",")
        text += name + (words.isEmpty ? "" : "{\(words)}") + " \(MetricsPage.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.escaping(["\\": "\\\\", "\"": "\\\"", "\n": "\\n"])
    }
}

/// How long things took, in seconds.
struct Histogram: Sendable {
    static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    /// One for each bound: those above the bound before it.
    private(set) var counts = [Int](repeating: 0, count: bounds.count)
    private(set) var count = 0
    private(set) var sum = 0.0

    mutating func add(_ seconds: Double) {
        count += 1
        sum += seconds
        if let place = Histogram.bounds.firstIndex(where: { seconds <= $0 }) { counts[place] += 1 }
    }
}

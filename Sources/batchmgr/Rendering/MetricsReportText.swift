internal import BatchCore

/// `metrics report` as a page: Markdown, or HTML that needs no other file.
extension MetricsReport: TextReport {
    private static let heads = [
        "job", "batches", "committed", "failed", "others", "errors %", "by class", "rollbacks", "min s", "median s",
        "mean s",
        "p95 s",
        "max s", "by day",
    ]

    func text(_ style: Style, width: Int) -> String { markdown }

    var markdown: String {
        var lines = ["# Batches from \(since.seconds) to \(until.seconds)", ""]
        if jobs.isEmpty {
            lines.append("No batch began.")
        } else {
            lines.append("| " + MetricsReport.heads.joined(separator: " | ") + " |")
            lines.append("|" + MetricsReport.heads.map { _ in "---|" }.joined())
            lines += jobs.map { "| " + cells($0, MetricsReport.bars($0.days)).joined(separator: " | ") + " |" }
        }
        if !signals.isEmpty {
            lines += ["", "| signal | kind | values | mean | p95 | p99 |", "|---|---|---|---|---|---|"]
            lines += signals.map { "| " + cells($0).joined(separator: " | ") + " |" }
        }
        return (lines + ["", alertWords, "", "The log has \(logBytes) bytes.", ""]).joined(separator: "\n")
    }

    var html: String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\($0)</\(tag)>" }.joined() + "</tr>\n"
        }
        let title = "Batches from \(since.seconds) to \(until.seconds)"
        var page = """
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><title>\(title)</title>
            <style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em .6em;text-align:right}
            td:first-child,th:first-child{text-align:left}table{border-collapse:collapse}tr{border-bottom:1px solid #ccc}
            rect{fill:#47a}</style>
            <h1>\(title)</h1>

            """
        page += "<table>\n" + row(MetricsReport.heads, "th")
        page += jobs.map { row(cells($0, MetricsReport.plot($0.days)), "td") }.joined() + "</table>\n"
        if !signals.isEmpty {
            page += "<table>\n" + row(["signal", "kind", "values", "mean", "p95", "p99"], "th")
            page += signals.map { row(cells($0), "td") }.joined() + "</table>\n"
        }
        return page + "<p>\(alertWords)</p>\n<p>The log has \(logBytes) bytes.</p>\n</html>\n"
    }

    private var alertWords: String {
        alerts.isEmpty ? "No incident was opened." : "Incidents opened: \(MetricsReport.words(alerts))."
    }

    private static func words(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    /// Names of jobs and databases are plain words.
    private func cells(_ job: Job, _ plot: String) -> [String] {
        let times = [job.times.least, job.times.median, job.times.mean, job.times.p95, job.times.most]
        let classes = MetricsReport.words(job.errors)
        let others = job.statuses.filter { !["committed", "failed"].contains($0.key) }
        return [
            job.job, "\(job.count)", "\(job.statuses["committed"] ?? 0)", "\(job.statuses["failed"] ?? 0)",
            MetricsReport.words(others),
            MetricsReport.short(job.errorRate), classes, "\(job.rollbacks)",
        ] + times.map(MetricsReport.short) + [plot]
    }

    private func cells(_ entry: SignalListReport.Entry) -> [String] {
        func bound(_ part: Double) -> String { entry.sum.quantile(part).map(MetricsReport.short) ?? "" }
        return [
            entry.sum.name, entry.kind.rawValue, "\(entry.sum.count)", MetricsReport.short(entry.sum.mean),
            bound(0.95), bound(0.99),
        ]
    }

    /// With at most three digits after the point.
    private static func short(_ value: Double) -> String {
        let thousandths = Int((value * 1_000).rounded())
        let rest = String(thousandths % 1_000 + 1_000).dropFirst()
        return thousandths % 1_000 == 0 ? "\(thousandths / 1_000)" : "\(thousandths / 1_000).\(rest)"
    }

    private static let blocks = Array(" ▁▂▃▄▅▆▇█")

    private static func bars(_ days: [Int]) -> String {
        guard let most = days.max(), most > 0 else { return "" }
        return String(days.map { blocks[$0 == 0 ? 0 : max(1, $0 * (blocks.count - 1) / most)] })
    }

    private static func plot(_ days: [Int]) -> String {
        guard let most = days.max(), most > 0 else { return "" }
        let bars = days.enumerated().map { index, count in
            let height = count * 24 / most
            return "<rect x=\"\(index * 5)\" y=\"\(24 - height)\" width=\"4\" height=\"\(height)\"/>"
        }
        return "<svg width=\"\(days.count * 5)\" height=\"24\" role=\"img\">\(bars.joined())</svg>"
    }
}

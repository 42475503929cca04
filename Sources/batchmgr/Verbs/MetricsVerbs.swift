public import BatchCore
internal import BatchEngine
internal import BatchService
internal import BatchSystem

extension Verb {
    static let metricsWrite = Verb(
        "metrics write", "write the figures for Prometheus, for a collector of text files",
        details: """
            The same figures as /metrics of a service, without those of the service itself. The file is replaced as a \
            whole: node_exporter reads it from the folder of its textfile collector.
            """,
        options: [.required("to", .file("FILE"), "where, e.g. /var/lib/node_exporter/batchmgr.prom").main],
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr metrics write batchmgr.prom", "from cron, every minute")])

    static let metricsReport = Verb(
        "metrics report", "show what batches did in a span of time: counts, times, errors, rollbacks, signals",
        details: """
            Batches by status, their times (minimum, median, mean, 95th percentile, maximum), how many failed by class of error, \
            rollbacks, batches by day, and the signals of the application.
            """,
        options: [
            .value("since", .text("TIME"), "how far back, e.g. 30d (default: 7d)"),
            .value("job", .text("JOB"), "only batches of this job"),
            .value("to", .file("FILE"), "write it: .md, .html or .json"),
        ],
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr metrics report --since 30d --to month.html", "a page for the month")])

    static let metricsSLO = Verb(
        "metrics slo", "show what the service promises, and whether it is kept",
        details: """
            Three surfaces: the console, the work of tenants (batches of jobs without a schedule, and the signals of the \
            application), the API. Of each the 95th and 99th percentile, the failures, how fast the error budget is used up in \
            the last hour and the last six, and what is left of it for 30 days. A job with a schedule is judged by its \
            last success. The promises are in catalog/slo.yaml; docs/metrics.md has the defaults.
            """,
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr metrics slo", "is it fast enough, and does it fail too often?")])

    static let check = Verb(
        "check", "tell a monitoring program in one line whether all is well",
        details: """
            The exit codes are those of monitoring plug-ins: 0 ok, 1 warning, 2 critical, 3 unknown. Critical: a database that \
            cannot be read, a service that has ended without saying so, and with --max-age a job with a schedule \
            whose last success is older. Warning: jobs of the queue \
            that failed for good, a pause, safe mode, restore points whose copies are not written.
            """,
        options: [
            .value("max-age", .text("TIME"), "how old the last success of a job with a schedule may be, e.g. 25h")
        ],
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr check --max-age 25h", "did last night's jobs run?")])
}

extension Command {
    static let metricsWrite = Command(.metricsWrite) { (arguments, call) throws(BatchError) in
        let path = try arguments.required("to")
        let page = try Metrics(try call.workspace(), context: call.work, version: VersionReport.version).page()
        try DurableFile.write(Array(page.utf8), to: path)
        try call.output.show(MetricsFileReport(file: path, lines: page.split(separator: "\n").count))
        return .done
    }

    static let metricsReport = Command(.metricsReport) { (arguments, call) throws(BatchError) in
        let since = try arguments.moment("since", in: call.work, otherwise: .seconds(7 * 86_400))
        try call.requireKnown(job: arguments.value("job"))
        let report = try RunStatistics(try call.workspace(), context: call.work).report(
            since: since, job: arguments.value("job"), tenant: call.globals.tenant)
        guard let path = arguments.value("to") else {
            try call.output.show(report)
            return .done
        }
        let page: String
        switch path.split(separator: ".").last {
        case "md": page = report.markdown
        case "html": page = report.html
        case "json": page = JSONWriter.text(report.json, indented: true) + "\n"
        default: throw .usage("--to is a file that ends in .md, .html or .json", arguments.verb)
        }
        try DurableFile.write(Array(page.utf8), to: path)
        try call.output.show(MetricsFileReport(file: path, lines: page.split(separator: "\n").count))
        return .done
    }

    static let metricsSLO = Command(.metricsSLO) { (_, call) throws(BatchError) in
        try call.output.show(try ServiceLevels(try call.workspace(), context: call.work).report())
        return .done
    }

    static let check = Command(.check) { (arguments, call) throws(BatchError) in
        let text = arguments.value("max-age")
        let age = text.flatMap { Duration(text: $0) }
        var report = MonitoringReport()
        do throws(BatchError) {
            if text != nil, age == nil { throw .usage("--max-age is not a duration like 25h", arguments.verb) }
            report = MonitoringCheck(try call.workspace(), context: call.work).report(maximumAge: age)
        } catch {
            report.add(.unknown, "\(error.code.rawValue): \(error.message)")
        }
        // A plug-in always answers; who asks for quiet wants to hear of trouble alone.
        if report.level != .ok || !call.globals.isQuiet || call.globals.isJSON { try call.output.show(report) }
        return report.level.exitCode
    }
}

extension SLOReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var lines = surfaces.flatMap { entry in
            ["\(entry.definition.surface.rawValue): \(entry.level.rawValue)  (\(entry.target))"]
                + entry.windows.map { "  " + $0.words(entry.definition.budget) }
        }
        for job in nightly {
            let age = job.age.map { "last success \($0 / 60_000) min ago" } ?? "has never succeeded"
            lines.append(
                "\(Printable.text(job.job)): \(job.level.rawValue)  (\(age), at most \(job.limit / 60_000) min)")
        }
        lines.append("queue: \(saturation.queue) of \(saturation.queueLimit) jobs wait")
        if securityEvents > 0 { lines.append("security: critical  (\(securityEvents) refusals in the last hour)") }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension SLOReport.Entry {
    fileprivate var target: String {
        "p95 \(Int(definition.p95)) ms, \(definition.availability) %, budget left \(percent(budgetLeft))"
    }
}

extension SLOWindow {
    fileprivate func words(_ budget: Double) -> String {
        func time(_ part: Double) -> String { sum.quantile(part).map { "\(Int($0)) ms" } ?? "-" }
        return
            "\(Duration.milliseconds(span).text): \(count) done, p95 \(time(0.95)), p99 \(time(0.99)), "
            + "\(percent(errorShare)) failed, burn rate \((burn(budget) * 100).rounded() / 100)"
    }
}

private func percent(_ share: Double) -> String { "\((share * 10_000).rounded() / 100) %" }

extension MonitoringReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let words = problems.isEmpty ? "all is well" : problems.map(\.text).joined(separator: "; ")
        return "BATCHMGR \(level.rawValue.uppercased()) - \(Printable.text(words))\n"
    }
}

extension MetricsFileReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { "\(lines) lines in \(Printable.text(file))\n" }
}

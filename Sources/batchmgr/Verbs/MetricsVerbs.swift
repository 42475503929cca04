public import BatchCore
internal import BatchEngine
internal import BatchService
internal import BatchSystem

extension Verb {
    static let metricsWrite = Verb(
        "metrics write", "write the figures for Prometheus, for a collector of text files",
        details: """
            The same figures as /metrics of a service, without those of the service itself. The file is there whole or not at \
            all: node_exporter reads it from the folder of its textfile collector.
            """,
        options: [.required("to", .file("FILE"), "where, e.g. /var/lib/node_exporter/batchmgr.prom").main],
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr metrics write batchmgr.prom", "from cron, every minute")])

    static let metricsReport = Verb(
        "metrics report", "show what batches did in a span of time: counts, times, errors, rollbacks, signals",
        details: """
            Batches by status, their times (least, median, mean, 95th percentile, most), how many failed by class of error, \
            rollbacks, batches by day, and the signals of the application.
            """,
        options: [
            .value("since", .text("TIME"), "how far back, e.g. 30d (default: 7d)"),
            .value("job", .text("JOB"), "only batches of this job"),
            .value("to", .file("FILE"), "write it: .md, .html or .json"),
        ],
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr metrics report --since 30d --to month.html", "a page for the month")])

    static let check = Verb(
        "check", "tell a monitoring program in one line whether all is well",
        details: """
            The exit codes are those of monitoring plug-ins: 0 ok, 1 warning, 2 critical, 3 unknown. Critical: a database that \
            cannot be read, and with --max-age a job with a schedule whose last success is older. Warning: jobs of the queue \
            that are lost, a pause, safe mode, restore points whose copies are not written.
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
        try call.output.show(report)
        return report.level.exitCode
    }
}

extension MonitoringReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let words = problems.isEmpty ? "all is well" : problems.map(\.text).joined(separator: "; ")
        return "BATCHMGR \(level.rawValue.uppercased()) - \(Printable.text(words))\n"
    }
}

extension MetricsFileReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { "\(lines) lines in \(Printable.text(file))\n" }
}

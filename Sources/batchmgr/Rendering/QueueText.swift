public import BatchCore

enum QueueText {
    /// `job 12 reprice_invoices: running`
    static func line(_ job: QueueJob) -> String {
        let end = job.batch.map { " (\($0))" } ?? job.reason.map { ": \(Printable.text($0))" } ?? ""
        let state = job.state == .running ? "begins" : job.state.rawValue + end
        return "job \(job.number) \(job.order.job): \(state)"
    }

    static func coloured(_ state: QueueState, _ style: Style) -> String {
        if state.isLost { return style.bad(state.rawValue) }
        return state == .done ? style.good(state.rawValue) : state.rawValue
    }
}

extension QueueJobReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let job = entry.job
        let already = isNew == false ? ", which was queued already with the same key" : ""
        var text =
            "job \(job.number)  \(style.strong(job.order.job))  \(QueueText.coloured(job.state, style))\(already)\n"
        text += "why        \(Printable.text(job.explanation(at: now, entry.obstacle)))\n"
        if job.state.isLost {
            text += style.next(
                "try again: \(command: "queue retry --id \(job.number)"); or settle it: \(command: "queue resolve --id \(job.number) --reason TEXT")"
            )
        }
        guard !attempts.isEmpty else {
            return job.state == .queued && entry.obstacle == nil
                ? text + style.next("run it: \(command: "queue work --until-empty")") : text
        }
        text += "run key    \(job.runKey)\n\n"
        var table = TextTable([
            ("ATTEMPT", .right), ("PROCESS", .right), ("FROM", .left), ("TO", .left), ("OUTCOME", .left),
        ])
        for attempt in attempts {
            table.append([
                "\(attempt.epoch)", "\(attempt.process)", attempt.startedAt.iso8601, attempt.endedAt?.iso8601 ?? "-",
                Printable.text(attempt.outcome ?? "runs"),
            ])
        }
        return text + table.text(style)
    }
}

extension QueueListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = pauses.map { style.caution("paused: ") + QueueObstacle.paused($0).words + "\n" }.joined()
        let limit = min(style.limit, entries.count)
        if entries.isEmpty {
            text += "no such jobs\n"
        } else {
            var table = TextTable([("ID", .right), ("JOB", .left), ("TENANT", .left), ("STATE", .left), ("WHY", .left)])
            for entry in entries.prefix(limit) {
                table.append([
                    "\(entry.job.number)", entry.job.order.job, Printable.text(entry.job.order.tenant ?? "-"),
                    QueueText.coloured(entry.job.state, style),
                    Printable.text(entry.job.explanation(at: now, entry.obstacle)),
                ])
            }
            text += table.text(style) + style.more(total, "queue list --all")
        }
        let known = QueueState.allCases.compactMap { state in counts[state].map { "\($0) \(state.rawValue)" } }
        return text + (known.isEmpty ? "" : style.faint(known.joined(separator: ", ")) + "\n")
    }
}

extension QueueChangeReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        switch change {
        case .paused(let job):
            "\(job.map { "jobs of \($0) are" } ?? "the queue is") paused\n"
                + style.next("resume it: \(command: job.map { "queue resume --job \($0)" } ?? "queue resume")")
        case .resumed(let job): "\(job.map { "jobs of \($0) are" } ?? "the queue is") resumed\n"
        case .redriven: "\(Figures.count(jobs.count, "job")) put back into the queue\n"
        }
    }
}

extension QueueBulkReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let left = wanted > done ? "; \(wanted - done) are left as they were" : ""
        return "\(action): \(Figures.count(done, "job"))\(left)\n"
    }
}

extension QueueLimitReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !limits.isEmpty else { return "no limits\n" }
        return limits.map { $0.words + "\n" }.joined()
    }
}

extension QueueWorkReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !worked.isEmpty else { return "nothing was ready\n" }
        let counts = QueueState.allCases.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }
        var text = "\(Figures.count(worked.count, "attempt")): \(counts.joined(separator: ", "))\n"
        if hasLost { text += style.next("see why: \(command: "queue dead list")") }
        return text
    }
}

public import BatchCore

extension ScheduleNextReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let zone = Printable.text(schedule.timezone)
        guard !times.isEmpty else { return "it never fires\n" }
        return times.map { firing in
            "\(firing.time.seconds)" + (zone == "UTC" ? "" : style.faint("  \(firing.local) \(zone)")) + "\n"
        }.joined()
    }
}

extension ScheduleListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !schedules.isEmpty else { return "no schedules\n" }
        var table = TextTable([
            ("SCHEDULE", .left), ("JOB", .left), ("CRON", .left), ("TIME ZONE", .left), ("NEXT", .left),
            ("LATEST", .left),
        ])
        for entry in schedules {
            let next = entry.preview.times.first?.time.seconds ?? "never"
            table.append([
                entry.name, entry.preview.job ?? "", Printable.text(entry.preview.schedule.cron),
                Printable.text(entry.preview.schedule.timezone), entry.pause.map(Printable.text) ?? next,
                entry.latest.map { Printable.text($0.words) } ?? "-",
            ])
        }
        return table.text(style)
    }
}

extension Firing {
    /// `2026-11-21T02:00:00Z: job 12`
    fileprivate var words: String {
        let more = count > 1 ? " and \(count - 1) more" : ""
        let why = reason.map { " (\($0))" } ?? ""
        return "\(instant.seconds)\(more): " + (job.map { "job \($0)" } ?? outcome.rawValue + why)
    }
}

extension ScheduleHistoryReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !firings.isEmpty else { return "nothing has fired yet\n" }
        var table = TextTable([("SCHEDULE", .left), ("FIRING", .left), ("CAUSE", .left), ("DECIDED AT", .left)])
        for firing in firings.prefix(style.limit) {
            table.append([
                firing.schedule, Printable.text(firing.words), firing.cause.rawValue, firing.decidedAt.seconds,
            ])
        }
        return table.text(style) + style.more(firings.count, "schedule history --all")
    }
}

extension ScheduleChangeReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let queued = jobs.count == 1 ? "job \(jobs[0]) queued" : "\(Figures.count(jobs.count, "job")) queued"
        switch change {
        case .added, .resumed:
            let times = next?.text(style, width: width) ?? ""
            return "\(style.strong(name)) \(change == .added ? "added" : "resumed"); it fires next:\n" + times
        case .removed: return "\(name) removed\n"
        case .paused: return "\(name) paused\n" + style.next("resume it: \(command: "schedule resume --id \(name)")")
        case .triggered, .backfilled:
            if missing == 0 { return "nothing of \(name) is missing in this span\n" }
            if let missing { return "\(Figures.count(missing, "firing")) of \(name) in this span did not happen\n" }
            return "\(name): \(queued)\n" + style.next("see its progress: \(command: "queue list")")
        }
    }
}

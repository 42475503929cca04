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
        var table = TextTable([("JOB", .left), ("CRON", .left), ("TIME ZONE", .left), ("NEXT", .left)])
        for entry in schedules {
            table.append([
                entry.job ?? "", Printable.text(entry.schedule.cron), Printable.text(entry.schedule.timezone),
                entry.times.first?.time.seconds ?? "never",
            ])
        }
        return table.text(style)
    }
}

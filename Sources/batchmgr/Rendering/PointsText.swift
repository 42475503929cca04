public import BatchCore

extension PointsReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !points.isEmpty else { return "no restore points\n" }
        var table = TextTable([
            ("POINT", .left), ("KIND", .left), ("STATUS", .left), ("CREATED", .left), ("COMMIT", .left), ("BAK", .left),
        ])
        for point in points {
            let copies = point.copies
            table.append([
                point.batch?.description ?? "-", point.kind.rawValue, copies.status.colored(style),
                point.createdAt.iso8601, copies.commit.map { String($0.prefix(10)) } ?? "-",
                copies.bak.map { "\(copies.bakKind?.rawValue ?? "")  \(Printable.text(PointsReport.fileName($0)))" }
                    ?? "-",
            ])
        }
        return (isMore ? style.next("older ones: \(command: "points --all")") : "") + table.text(style)
    }

    /// All of them are in one folder.
    private static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}

extension PointStatus {
    fileprivate func colored(_ style: Style) -> String {
        switch self {
        case .complete: style.good(rawValue)
        case .pending: style.caution(rawValue)
        case .damaged: style.bad(rawValue)
        }
    }
}

extension RestoreReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = WarningText.text(warnings, style)
        text += "\(style.strong(Printable.text(file)))  is \(Printable.text(point))"
        text += ", rebuilt from \(source == .bak ? "the .bak files" : "git") in \(Figures.duration(duration))\n"
        text += "digest         \(digest)  \(style.good("as recorded"))\n"
        if let commit { text += "commit         \(commit)\n" }
        if !staleIndexes.isEmpty {
            let names = staleIndexes.map { Printable.text($0) }.joined(separator: ", ")
            text += "\(style.caution("warning:")) REINDEX these where the application's functions are: \(names)\n"
        }
        return text
    }
}

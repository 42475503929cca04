public import BatchCatalog
public import BatchCore

extension JobListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !jobs.isEmpty || !broken.isEmpty else { return "no jobs\n" }
        var table = TextTable([("JOB", .left), ("VERSION", .left), ("STEPS", .right), ("DESCRIPTION", .left)])
        for entry in jobs {
            let job = entry.job
            table.append([job.id, "\(job.version)", String(job.steps.count), Printable.text(job.description)])
        }
        for file in broken {
            let count = file.mistakes == 1 ? "1 mistake" : "\(file.mistakes) mistakes"
            table.append([
                Printable.text(file.id ?? "?"), "", "",
                "\(count) in \(Printable.text(file.file)): batchmgr catalog validate \(Printable.text(file.file))",
            ])
        }
        return table.text(style)
    }
}

extension JobReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "\(style.strong(job.id))  \(job.version)\n"
        if !job.description.isEmpty { text += Printable.text(job.description) + "\n" }
        text += "\n" + facts.map { "\($0.0.padded(to: 11))  \(Printable.text($0.1))\n" }.joined()
        if !job.parameters.isEmpty { text += "\n" + parametersText(style) }
        return text + "\n" + stepsText(style) + "\n" + style.faint("run it: \(command(style.call))") + "\n"
    }

    private var facts: [(String, String)] {
        var facts = [("tenant", job.tenant.rawValue), ("on failure", job.onFailure.rawValue)]
        if let file { facts.insert(("file", file), at: 0) }
        if job.level > 0 { facts.append(("heal level", String(job.level))) }
        if job.isCritical { facts.append(("critical", "a full .bak is taken before it runs")) }
        if !job.needs.isEmpty { facts.append(("needs", job.needs.joined(separator: ", "))) }
        for query in job.verify { facts.append(("verify", query)) }
        return facts
    }

    private func parametersText(_ style: Style) -> String {
        var table = TextTable([("PARAMETER", .left), ("TYPE", .left), ("DEFAULT", .left), ("DESCRIPTION", .left)])
        for parameter in job.parameters {
            let value =
                parameter.defaultValue.map { Printable.value($0) } ?? (parameter.isRequired ? "required" : "NULL")
            table.append([parameter.name, parameter.type.rawValue, value, Printable.text(parameter.description)])
        }
        return table.text(style)
    }

    private func stepsText(_ style: Style) -> String {
        var table = TextTable([("STEP", .left), ("KIND", .left), ("WHAT", .left)])
        for step in job.steps { table.append([step.id, step.kind, Printable.text(step.summary)]) }
        return table.text(style)
    }

    private func command(_ call: CallOptions) -> String {
        var command: HintCommand = "run --id \(job.id)"
        if job.tenant == .required { command = command.adding("--tenant TENANT") }
        let needed = job.parameters.filter { $0.isRequired && $0.defaultValue == nil }
        for parameter in needed { command = command.adding("--set \(parameter.name)=\(parameter.example)") }
        return command.text(call)
    }
}

extension StepDefinition {
    /// One line that says what it does.
    fileprivate var summary: String {
        let what =
            switch settings {
            case .string(let text): text.split { $0.isWhitespace }.joined(separator: " ")
            case .array(let words): words.compactMap(\.string).joined(separator: " ")
            case .object: settings["file"]?.string ?? JSONWriter.text(settings)
            default: JSONWriter.text(settings)
            }
        let short = what.count > 80 ? what.prefix(79) + "…" : what
        return chunk.map { "\(short)  (\($0) rows per checkpoint)" } ?? short
    }
}

/// `catalog validate`
public struct CatalogReport: TextReport {
    public let files: Int
    public let diagnostics: [Diagnostic]
    /// The next firings of the jobs in these files.
    public let schedules: [ScheduleNextReport]

    public init(_ outcome: (files: Int, mistakes: [Diagnostic]), schedules: [ScheduleNextReport] = []) {
        files = outcome.files
        diagnostics = outcome.mistakes
        self.schedules = schedules
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("ok", .bool(diagnostics.isEmpty)), .init("files", JSONValue(files)),
            .init("errors", .array(diagnostics.map(\.json))),
            .init("schedules", .array(schedules.map { .object($0.members(call)) })),
        ]
    }

    public func text(_ style: Style, width: Int) -> String {
        let read = Figures.count(files, "file")
        guard !diagnostics.isEmpty else {
            return "\(read), \(style.good("no mistakes"))\n" + schedules.map { firings($0, style, width) }.joined()
        }
        let list = diagnostics.map { Printable.lines("\($0)") + "\n" }.joined()
        return "\(list)\n\(style.bad(Figures.count(diagnostics.count, "mistake"))) in \(read)\n"
    }
}

extension CatalogReport {
    private func firings(_ entry: ScheduleNextReport, _ style: Style, _ width: Int) -> String {
        let schedule = "\(entry.schedule.cron) \(entry.schedule.timezone)"
        let lines = entry.text(style, width: width).split(separator: "\n").map { "  \($0)\n" }
        return "\n\(style.strong(entry.job ?? ""))  \(Printable.text(schedule))\n" + lines.joined()
    }
}

extension SetupReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = created.map { "\(style.good("created")) \(Printable.text($0))\n" }.joined()
        for note in notes { text += "\(Printable.text(database)): \(Printable.text(note))\n" }
        return text + style.next("next: put jobs into catalog/, or: \(command: "run --id NAME --sql SQL")")
    }
}

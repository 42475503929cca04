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

    /// What holds where the file says nothing, then all that it says.
    private var facts: [(String, String)] {
        var facts = [("tenant", job.tenant.rawValue), ("on failure", job.onFailure.rawValue)]
        if let file { facts.insert(("file", file), at: 0) }
        if job.level > 0 { facts.append(("heal level", String(job.level))) }
        if job.isCritical { facts.append(("critical", "a full .bak is taken before it runs")) }
        let shown: Set = [
            "id", "version", "description", "tenant", "on_failure", "level", "critical", "params", "steps",
        ]
        for key in keys where !shown.contains(key.key) {
            let name = key.key.split(separator: "_").joined(separator: " ")
            let values: [JSONValue] =
                if case .array(let all) = key.value, all.contains(where: { $0.string?.contains(" ") ?? true }) {
                    all
                } else {
                    [key.value]
                }
            for value in values { facts.append((name, JobReport.words(value))) }
        }
        return facts
    }

    /// `rows: 10000, tables: invoices, payments`
    private static func words(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text.split { $0.isWhitespace }.joined(separator: " ")
        case .array(let all): all.map(words).joined(separator: ", ")
        case .object(let members):
            members.map { "\($0.key): \(isNested($0.value) ? "[\(words($0.value))]" : words($0.value))" }
                .joined(separator: ", ")
        default: JSONWriter.text(value)
        }
    }

    private static func isNested(_ value: JSONValue) -> Bool {
        switch value {
        case .array, .object: true
        default: false
        }
    }

    private func parametersText(_ style: Style) -> String {
        var table = TextTable([("PARAMETER", .left), ("TYPE", .left), ("DEFAULT", .left), ("DESCRIPTION", .left)])
        for parameter in job.parameters {
            let value =
                parameter.defaultValue.map { Printable.value($0) } ?? (parameter.isRequired ? "required" : "NULL")
            let choices = parameter.choices.map { Printable.value($0) }.joined(separator: ", ")
            let type = parameter.type.rawValue + (choices.isEmpty ? "" : ": \(choices)")
            table.append([parameter.name, type, value, Printable.text(parameter.description)])
        }
        return table.text(style)
    }

    /// Each step with all its keys: SQL as it is written, the rest on one line.
    private func stepsText(_ style: Style) -> String {
        let written = keys.first { $0.key == "steps" }?.value.array ?? []
        return job.steps.enumerated().map { (place, step) in
            let members = written.indices.contains(place) ? written[place].members ?? [] : []
            let lines = members.filter { $0.key != "id" }.map { member -> String in
                let name = "  " + member.key.padded(to: 9) + "  "
                guard let text = member.value.string else {
                    return name + Printable.text(JobReport.words(member.value))
                }
                let indent = "\n" + String(repeating: " ", count: name.count)
                return name + Printable.lines(text).split(separator: "\n").joined(separator: indent)
            }
            return ([style.strong("step \(place + 1), \(step.id)")] + lines).map { $0 + "\n" }.joined()
        }.joined(separator: "\n")
    }

    private func command(_ call: CallOptions) -> String {
        if job.repair?.isFlagOnly == true { return (HintCommand("heal scan \(job.id)")).text(call) }
        var command: HintCommand = job.repair == nil ? "run --id \(job.id)" : "heal run \(job.id) --dry-run"
        if job.repair == nil, job.tenant == .required { command = command.adding("--tenant TENANT") }
        let needed = job.parameters.filter { $0.isRequired && $0.defaultValue == nil }
        for parameter in needed { command = command.adding("--set \(parameter.name)=\(parameter.example)") }
        return command.text(call)
    }
}

/// `catalog validate`
public struct CatalogReport: TextReport {
    public let files: Int
    public let diagnostics: [Diagnostic]
    /// The next firings of the jobs in these files.
    public let schedules: [ScheduleNextReport]
    /// What may be meant, and is no mistake.
    public let warnings: [Warning]

    public init(
        _ outcome: (files: Int, mistakes: [Diagnostic]), schedules: [ScheduleNextReport] = [],
        warnings: [Warning] = []
    ) {
        self.warnings = warnings
        files = outcome.files
        diagnostics = outcome.mistakes
        self.schedules = schedules
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let members: [JSONValue.Member] = [
            .init("ok", .bool(diagnostics.isEmpty)), .init("files", JSONValue(files)),
            .init("errors", .array(diagnostics.map(\.json))),
            .init("schedules", .array(schedules.map { .object($0.members(call)) })),
        ]
        if warnings.isEmpty { return members }
        return members + [
            .init("warnings", .array(warnings.map { .string($0.text(call)) })),
            .init("warning_codes", .array(warnings.map { .string($0.code.rawValue) })),
        ]
    }

    public func text(_ style: Style, width: Int) -> String {
        let read = Figures.count(files, "file")
        guard !diagnostics.isEmpty else {
            return "\(read), \(style.good("no mistakes"))\n" + WarningText.text(warnings, style)
                + schedules.map { firings($0, style, width) }.joined()
        }
        let list = diagnostics.map { Printable.lines("\($0)") + "\n" }.joined() + WarningText.text(warnings, style)
        let wrong = Figures.count(Set(diagnostics.map(\.file)).count, "file")
        return "\(list)\n\(style.bad(Figures.count(diagnostics.count, "mistake"))) in \(wrong)\n"
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

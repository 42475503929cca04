internal import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchEngine
internal import BatchSystem

/// What is known of an incident, as a page for people: the tool writes what it knows, a person what they learnt.
public struct Postmortem {
    /// What a person adds.
    public struct Words: Sendable {
        public var cause: String?
        public var prevention: String?
        public var owner: String?
        /// Who has to do what is left, by when: `2026-12-01`.
        public var due: String?
        /// A file that the page is delivered to, beside the targets of `notify:`.
        public var file: String?

        public init(cause: String?, prevention: String?, owner: String?, due: String?, file: String?) {
            self.cause = cause
            self.prevention = prevention
            self.owner = owner
            self.due = due
            self.file = file
        }

        fileprivate func completed(by earlier: Incident.Postmortem?) -> Words {
            Words(
                cause: cause ?? earlier?.cause, prevention: prevention ?? earlier?.prevention,
                owner: owner ?? earlier?.owner, due: due ?? earlier?.due, file: file)
        }
    }

    private let incidents: Incidents
    private var session: Session { incidents.session }

    public init(_ incidents: Incidents) { self.incidents = incidents }

    /// Writes the page, and delivers it to whom `notify:` names, and to a file. What was written in an earlier one stays
    /// where nothing else is said now.
    public func deliver(_ name: String, _ words: Words) throws(BatchError) -> IncidentFileReport {
        let incident = try incidents.incident(name)
        let words = words.completed(by: incident.postmortem)
        let thresholds = try proposedThresholds(incident)
        let text = Postmortem.page(incident, words, actor: session.context.actor, thresholds)
        let folder = session.workspace.backups + "/reports"
        try Folder.create(folder)
        let file = "\(folder)/postmortem_\(incident.name).md"
        try DurableFile.write(Array(text.utf8), to: file)
        var (delivered, failed) = session.deliver(.incident, ["incident": incident.json, "postmortem": .string(text)])
        if let target = words.file {
            try DurableFile.write(Array(text.utf8), to: FilePath.join(FilePath.current, target))
            delivered.append("file \(target)")
        }
        let owner = words.owner ?? session.context.actor
        let at = session.context.now()
        let event =
            delivered.isEmpty ? "postmortem written" : "postmortem delivered to \(delivered.joined(separator: ", "))"
        let kept = try incidents.change(name, "incident postmortem", event) { (incident) throws(BatchError) in
            let before = incident.postmortem?.deliveredTo ?? []
            for action in thresholds where !incident.actions.contains(action) { incident.actions.append(action) }
            var written = Incident.Postmortem(
                file: file, owner: owner, deliveredTo: before + delivered.filter { !before.contains($0) }, at: at)
            (written.cause, written.prevention, written.due) = (words.cause, words.prevention, words.due)
            incident.postmortem = written
        }
        return IncidentFileReport(incident: kept, file: file, deliveredTo: delivered, failed: failed)
    }

    /// For an incident that a rule with a threshold has opened: what it could be, earlier and later, within its bounds.
    /// A person decides, so each is of level 3.
    private func proposedThresholds(_ incident: Incident) throws(BatchError) -> [Incident.Action] {
        let parts = incident.cause.split(separator: ":", maxSplits: 2)
        let folder = session.workspace.catalog
        guard parts.count >= 2, parts[0] == "rule",
            let known = try RuleList.load(folder: folder).valid().rules.first(where: { $0.id == parts[1] }),
            known.judgement != .change
        else { return [] }
        let board = try session.context.store(of: session.workspace).switches()
        let rule = known.adjusted(board, at: session.context.now())
        // A value that is too low fires the other way round.
        let isLow = rule.side == .low && rule.judgement == .level
        let choices = [(isLow ? 1.25 : 0.8, "to notice it earlier"), (isLow ? 0.8 : 1.25, "if it was a false alarm")]
        return choices.compactMap { (factor, why) -> Incident.Action? in
            guard let number = Postmortem.threshold(of: rule, times: factor) else { return nil }
            let text = Postmortem.number(rule.threshold) + " now"
            return Incident.Action(
                level: 3, text: "threshold of rule \(rule.id): \(Postmortem.number(number)) (\(text)), \(why)",
                command:
                    "switch set threshold:\(rule.id).threshold --value \(Postmortem.number(number)) --reason 'postmortem of \(incident.name)'"
            )
        }
    }

    /// Nil when the bounds leave no other. What is counted has whole numbers.
    private static func threshold(of rule: RuleDefinition, times factor: Double) -> Double? {
        var number = rule.threshold * factor
        if rule.judgement == .count || rule.judgement == .rising {
            number =
                factor < 1
                ? min(number.rounded(.down), rule.threshold - 1) : max(number.rounded(.up), rule.threshold + 1)
        } else {
            number = (number * 1_000).rounded() / 1_000
        }
        number = min(max(number, rule.bounds.lowerBound), rule.bounds.upperBound)
        return number == rule.threshold ? nil : number
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    static func page(
        _ incident: Incident, _ words: Words, actor: String, _ thresholds: [Incident.Action] = []
    ) -> String {
        func line(_ text: String) -> String { String(text.map { $0.isNewline ? " " : $0 }) }
        func list(_ items: [String], none: String) -> String {
            items.isEmpty ? "\(none)\n" : items.map { "- \(line($0))\n" }.joined()
        }
        let owner = words.owner ?? actor
        let due = words.due.map { ", due \($0)" } ?? ""
        let whole = [
            "tenants": incident.reach.tenants, "modules": incident.reach.modules, "batches": incident.reach.batches,
        ]
        .sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }
        .map { "\($0.key): \($0.value.joined(separator: ", "))" }
        return """
            # Postmortem of \(incident.name): \(line(incident.title))

            \(incident.severity.rawValue), \(incident.faults.rawValue), noticed \(incident.openedAt.iso8601) by \(line(incident.cause))

            ## Reach

            \(list(whole, none: "Nothing is known about it."))
            ## Timeline

            \(list(incident.timeline.map { "\($0.at.iso8601) \($0.actor): \($0.text)" }, none: "Nothing was written down."))
            ## Cause

            \(line(words.cause ?? "Not found yet."))

            What had changed before:

            \(list(incident.clues.map { "\($0.at.iso8601) \($0.kind.rawValue) \($0.subject): \($0.text)" }, none: "Nothing that batchmgr knows of."))
            ## Actions

            Owner: \(line(owner))\(line(due))

            \(list(incident.actions.filter { !thresholds.contains($0) }.map { "level \($0.level): \($0.text)\($0.command.map { " (`\($0)`)" } ?? "")" }, none: "None."))
            ## Prevention

            \(line(words.prevention ?? "Not decided yet."))

            Proposed thresholds (nothing changes until a person sets one):

            \(list(thresholds.map { "\($0.text) (`\($0.command ?? "")`)" }, none: "None: no rule with a threshold has opened it."))
            """
    }
}

public import BatchCore

extension RuleReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard let fired else {
            guard !rules.isEmpty else { return "no rules: write them into catalog/rules.yaml\n" }
            var table = TextTable([
                ("RULE", .left), ("JUDGES", .left), ("THRESHOLD", .right), ("SEVERITY", .left), ("ACTION", .left),
                ("DESCRIPTION", .left),
            ])
            for rule in rules {
                table.append([
                    rule.id, "\(rule.judgement.rawValue) of \(rule.event)", RuleReport.number(rule.threshold),
                    rule.severity.rawValue, rule.action.rawValue, Printable.text(rule.description),
                ])
            }
            return table.text(style)
        }
        var text = fired.isEmpty ? "no rule fires: \(Figures.count(events, "event")) judged\n" : ""
        for firing in fired {
            let who = [firing.module, firing.tenant, firing.code].compactMap(\.self).joined(separator: " ")
            text += "\(firing.at.iso8601)  \(style.strong(firing.rule.id))  \(RuleReport.number(firing.value))"
            text += " (from \(RuleReport.number(firing.rule.threshold)))  \(firing.rule.action.rawValue)"
            text += (who.isEmpty ? "" : "  \(Printable.text(who))") + "\n"
        }
        if !learning.isEmpty { text += style.faint("learning: \(learning.joined(separator: ", "))") + "\n" }
        return text
    }

    private static func number(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() ? String(Int64(rounded)) : String(rounded)
    }
}

extension CircuitReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !circuits.isEmpty else { return "no circuits: write them into catalog/circuits.yaml\n" }
        var table = TextTable([
            ("CIRCUIT", .left), ("STATE", .left), ("NEXT TRY", .left), ("LAST CALLS", .left), ("REASON", .left),
        ])
        for circuit in circuits {
            table.append([
                circuit.name, circuit.state.rawValue, circuit.retryAt?.iso8601 ?? "-",
                circuit.outcomes.map { $0 ? "+" : "-" }.joined(), Printable.text(circuit.reason ?? ""),
            ])
        }
        return table.text(style)
    }
}

extension ReleaseReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !releases.isEmpty else {
            return "no releases: " + style.hint("keep what is in use: \(command: "release record")") + "\n"
        }
        if isDetail, let release = releases.first {
            let files = release.manifest["files"]?.members?.count ?? 0
            let state = release.validatedAt.map { "validated \($0.iso8601)" } ?? "not validated"
            var text = "\(style.strong(release.name))  \(release.at.iso8601)  \(state)\n"
            text += "batchmgr \(release.manifest["tool"]?.string ?? "?"), \(Figures.count(files, "file"))\n"
            for file in release.manifest["files"]?.members ?? [] {
                text += "  \(file.value.string?.prefix(12) ?? "")  \(Printable.text(file.key))\n"
            }
            if release.validatedAt == nil {
                text += style.hint("when it works: \(command: "release validate \(release.name)")") + "\n"
            }
            return text
        }
        var table = TextTable([("RELEASE", .left), ("RECORDED", .left), ("VALIDATED", .left), ("FILES", .right)])
        for release in releases {
            table.append([
                release.name, release.at.iso8601, release.validatedAt?.iso8601 ?? "-",
                String(release.manifest["files"]?.members?.count ?? 0),
            ])
        }
        return table.text(style)
    }
}

extension ReleaseComparisonReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !differences.isEmpty else { return "\(from) and \(to) are the same\n" }
        return differences.map { difference in
            let (old, new) = (JSONWriter.text(difference.before), JSONWriter.text(difference.after))
            return "\(difference.part) \(Printable.text(difference.name)): "
                + "\(Printable.text(String(old.prefix(24)))) → \(Printable.text(String(new.prefix(24))))\n"
        }.joined()
    }
}

extension ReleaseRollbackReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = style.strong(release) + (isDryRun ? "  nothing was done yet\n" : "  is back\n")
        if !batches.isEmpty {
            let who = rollback.map { " by \($0)" } ?? ""
            text += "\(isDryRun ? "would undo" : "undone")\(who): \(batches.joined(separator: ", "))\n"
        }
        for file in restored { text += "  \(isDryRun ? "would put back" : "put back")  \(Printable.text(file))\n" }
        for file in removed { text += "  \(isDryRun ? "would move away" : "moved away")  \(Printable.text(file))\n" }
        if restored.isEmpty, removed.isEmpty { text += "  no file differs\n" }
        for warning in warnings { text += style.caution("note") + "  \(Printable.text(warning))\n" }
        return text
    }
}
